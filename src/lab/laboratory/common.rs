//! What the threads of a laboratory share, and their reports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::lab::getting::{self, Progress};
use crate::lab::history::History;
use crate::lab::journal::Journal;
use crate::lab::member::Member;
use crate::lab::observer::Observer;
use crate::lab::transfers::Transfers;
use crate::protocol::{Document, Endpoint};

/// What is reported.
#[derive(Clone, Debug)]
pub(crate) enum Reported {
    /// A line of the exchange.
    Exchange(String),
    /// What a peer has done.
    Note(String),
}

pub(super) type Report = Arc<dyn Fn(Reported) + Send + Sync>;

/// What the threads share.
pub(super) struct Common {
    pub(super) history: Arc<History>,
    pub(super) observer: Arc<Observer>,
    pub(super) report: Report,
    /// Downloads that run.
    pub(super) running: AtomicUsize,
    pub(super) transfers: Transfers,
    pub(super) journal: Journal,
}

impl Common {
    pub(super) fn new(history: Arc<History>, observer: Arc<Observer>, report: Report) -> Self {
        let (running, transfers) = (AtomicUsize::new(0), Transfers::default());
        Self { history, observer, report, running, transfers, journal: Journal::default() }
    }

    /// The name of the peer at an endpoint.
    pub(super) fn name(&self, endpoint: &Endpoint) -> String {
        let address = endpoint.to_string().parse::<SocketAddr>().ok();
        match address.and_then(|address| self.observer.number(address)) {
            Some(number) => format!("peer {number}"),
            None => endpoint.to_string(),
        }
    }

    /// Downloads a document, and reports what happens.
    pub(super) fn download(&self, member: &Member, document: &Document) {
        let name = |endpoint: &Endpoint| self.name(endpoint);
        let number = member.number;
        let running = self.transfers.begin(number, document);
        getting::get(member, document, &self.history, &mut |progress| {
            let text = match progress {
                Progress::Event(event) => return running.follow(event),
                Progress::HolderFailed(holder, error) => {
                    let why = error_chain(error);
                    format!("peer {number}: {} did not deliver {document}: {why}", name(holder))
                }
                Progress::Delivered(length, holders) => {
                    let holders: Vec<String> = holders.iter().map(name).collect();
                    let holders = holders.join(", ");
                    let length = counted(length, "byte");
                    format!("peer {number} has {document}, {length} from {holders}")
                }
                Progress::Retried(why) => format!("peer {number} tries {document} again: {why}"),
                Progress::Failed(why) => format!("peer {number} has given up {document}: {why}"),
            };
            self.note(&text);
        });
    }

    /// Reports what a peer has done.
    pub(super) fn note(&self, text: &str) {
        let time = self.history.time();
        self.journal.add(time, text);
        (self.report)(Reported::Note(format!("{:7.3}  {text}", time.as_secs_f64())));
    }
}
