//! The index server that a client is tested with: its records, its usual replies, and what it finds in all
//! requests (protocol.md section 4).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::answer::{Answer, record};
use super::asked::Asked;
use super::connection::Id;
use super::exchange::{Delivery, Operation, RequestRule};
use super::received::Received;
use super::request_judge::{concerns, difference};
use super::verdicts::{Finding, Verdicts};
use crate::check::symptom::Symptom;
use crate::protocol::{Port, Record, Refusal};

/// The rules that each request is compared with.
const RULES: [RequestRule; 12] = [
    RequestRule::LineEnds,
    RequestRule::End,
    RequestRule::Words,
    RequestRule::Version,
    RequestRule::Number,
    RequestRule::HeaderForm,
    RequestRule::HeaderOnce,
    RequestRule::Host,
    RequestRule::Port,
    RequestRule::Title,
    RequestRule::Os,
    RequestRule::NothingElse,
];

/// Records that are kept. A program may add many documents.
const RECORDS: usize = 2_000;

/// An index server for one peer.
#[derive(Debug)]
pub(super) struct Index {
    /// The address of this program, as the program under test sees it.
    host: IpAddr,
    open: BTreeSet<Id>,
    has_connected: bool,
    records: Vec<(Id, Record)>,
    added: Option<Added>,
    /// The titles of the RFCs that the program shares, as far as it was told them since it was started. What it adds
    /// by itself at its start may have a title of its own.
    titles: BTreeMap<u64, String>,
    /// Host and Port of the first request with both.
    endpoint: Option<(String, String)>,
    /// Whether the connection of ADD has ended. It is no failure of its own if the program has.
    is_closed: bool,
    /// Documents of the connection of ADD that has ended.
    lost: Vec<String>,
    /// Whether the connection of ADD was once still open when the request of the next step arrived.
    has_stayed: bool,
    is_leaving: bool,
    is_judging: bool,
}

/// The last ADD.
#[derive(Clone, Copy, Debug)]
struct Added {
    id: Id,
    client: IpAddr,
    port: Option<Port>,
}

impl Index {
    pub(super) fn new(address: SocketAddr) -> Self {
        let host = match address.ip().to_canonical() {
            ip if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self {
            host,
            open: BTreeSet::new(),
            has_connected: false,
            records: Vec::new(),
            added: None,
            titles: BTreeMap::new(),
            endpoint: None,
            is_closed: false,
            lost: Vec::new(),
            has_stayed: false,
            is_leaving: false,
            is_judging: true,
        }
    }

    pub(super) fn host(&self) -> IpAddr {
        self.host
    }

    /// A connection has begun.
    pub(super) fn begun(&mut self, id: Id) {
        self.has_connected = true;
        self.open.insert(id);
    }

    /// A connection has ended: its records are removed.
    pub(super) fn ended(&mut self, id: Id) {
        self.open.remove(&id);
        let is_adding = self.added.is_some_and(|added| added.id == id);
        if is_adding && !self.is_leaving {
            self.is_closed = true;
            let lost = self.records.iter().filter(|(of, _)| *of == id);
            self.lost = lost.map(|(_, one)| one.document.wire().to_string()).collect();
        }
        self.records.retain(|(of, _)| *of != id);
    }

    /// Whether the connection of ADD has ended, as it does with a program that has.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether this is a request of a program that was started again: the connection of ADD has ended, and another one
    /// adds the same document. A program that has never kept that connection open may only connect for each request.
    pub(super) fn shows_restart(&self, received: &Received) -> bool {
        let number = received.number().unwrap_or_default();
        self.is_closed
            && self.has_stayed
            && received.operation == Some(Operation::Add)
            && self.lost.contains(&format!("RFC {number}"))
    }

    /// Whether there was a connection.
    pub(super) fn has_connected(&self) -> bool {
        self.has_connected
    }

    /// Whether a connection is open.
    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// From now on the program may close its connections.
    pub(super) fn leaves(&mut self) {
        self.is_leaving = true;
    }

    /// The program was started again.
    pub(super) fn restarted(&mut self) {
        self.added = None;
        self.titles.clear();
        self.endpoint = None;
        self.is_closed = false;
        self.lost.clear();
    }

    /// The program continues: a connection that it has closed was closed too early.
    pub(super) fn confirm_closed(&mut self, verdicts: &mut Verdicts) {
        let finding = self
            .is_closed
            .then(|| Finding::new(Symptom::Connection, "(the connection of ADD stays open)"));
        if self.added.is_some() || finding.is_some() {
            self.has_stayed |= finding.is_none();
            verdicts.rule(RequestRule::StaysConnected, finding);
        }
        self.is_closed = false;
        self.lost.clear();
    }

    /// The upload server that the program has registered.
    pub(super) fn upload_server(&self) -> Option<SocketAddr> {
        let added = self.added?;
        added.port.map(|port| SocketAddr::new(added.client, port.value()))
    }

    /// Whether an RFC was added.
    pub(super) fn has_record(&self, number: u64) -> bool {
        self.of(number).next().is_some()
    }

    /// Until a restart each ADD of an RFC must have this title.
    pub(super) fn shares(&mut self, number: u64, title: String) {
        self.titles.insert(number, title);
    }

    /// The form of further requests is not judged, because the last one was refused for its form.
    pub(super) fn stop_judging(&mut self) {
        self.is_judging = false;
    }

    /// Compares a request with all rules.
    pub(super) fn judge(&mut self, received: &Received, asked: Option<&Asked>, to: &mut Verdicts) {
        if !self.is_judging {
            return;
        }
        let finding = |(symptom, expected): (Symptom, String)| {
            Finding::new(symptom, expected).received(&received.raw)
        };
        let title = received.number().and_then(|number| self.titles.get(&number));
        for rule in RULES {
            if concerns(rule, received.operation) {
                let difference = difference(rule, received, asked, title.map(String::as_str));
                to.rule(rule, difference.map(finding));
            }
        }
        if concerns(RequestRule::SameEndpoint, received.operation) {
            let endpoint = received.value("Host").zip(received.port());
            // A header that is missing is a matter of another rule.
            let differs = endpoint.and_then(|(host, port)| {
                let own = || (host.to_string(), port.to_string());
                let (first, first_port) = self.endpoint.get_or_insert_with(own);
                let is_same = (first.as_str(), first_port.as_str()) == (host, port);
                let expected = format!("...\r\nHost: {first}\r\nPort: {first_port}\r\n...");
                (!is_same).then(|| finding((Symptom::Missing, expected)))
            });
            to.rule(RequestRule::SameEndpoint, differs);
        }
    }

    /// Bytes that belong to no request, in no form.
    pub(super) fn judge_stray(bytes: &[u8], verdicts: &mut Verdicts) {
        let finding = Finding::new(Symptom::Surplus, "(nothing but requests)").received(bytes);
        verdicts.rule(RequestRule::NothingElse, Some(finding));
    }

    /// The reply to a request that belongs to no step, or to one with the usual reply.
    pub(super) fn usual(&mut self, id: Id, received: &Received, asked: Option<&Asked>) -> Answer {
        self.host = received.server;
        let records = match received.operation {
            Some(Operation::Add) => self.add(id, received).into_iter().collect(),
            Some(Operation::List) => self.records.iter().map(|(_, one)| one.clone()).collect(),
            Some(Operation::Lookup) => {
                let number = received.number().unwrap_or_default();
                let downloaded = asked.filter(|asked| asked.number == number);
                match downloaded.and_then(holder_of) {
                    Some(record) => vec![record],
                    None => self.of(number).cloned().collect(),
                }
            }
            Some(Operation::Get) => {
                return Answer::refused(Refusal::NotFound, None).closing();
            }
            Some(Operation::Leave) | None => return Answer::refused(Refusal::BadRequest, None),
        };
        match (received.operation, records.is_empty()) {
            (Some(Operation::Lookup), true) => Answer::refused(Refusal::NotFound, None),
            (Some(Operation::Add), true) => Answer::refused(Refusal::BadRequest, None),
            _ => Answer::records(records, Delivery::Whole),
        }
    }

    /// Records of other peers: of one RFC or, in a list, of many.
    pub(super) fn records_of_others(&self, asked: &Asked, count: usize) -> Vec<Record> {
        let each = (0..count).filter_map(|place| record(asked, place, self.host));
        each.collect()
    }

    fn of(&self, number: u64) -> impl Iterator<Item = &Record> {
        let start = format!("RFC {number} ");
        self.records
            .iter()
            .map(|(_, one)| one)
            .filter(move |one| format!("{} ", one.document.wire()).starts_with(&start))
    }

    /// What a request says, as far as it says it.
    fn add(&mut self, id: Id, received: &Received) -> Option<Record> {
        let port = received.port().and_then(|port| port.parse().ok());
        self.added = Some(Added { id, client: received.client, port });
        let number = received.number()?;
        let title = received.value("Title").unwrap_or_default();
        let host = received.value("Host").unwrap_or("localhost");
        let port = received.port().unwrap_or("1");
        let record = Record::parse(&format!("RFC {number} {title} {host} {port}")).ok()?;
        self.records.retain(|(of, one)| {
            *of != id || (&one.document, &one.holder) != (&record.document, &record.holder)
        });
        if self.records.len() < RECORDS {
            self.records.push((id, record.clone()));
        }
        Some(record)
    }
}

/// The record of the upload server that has the document of a step.
fn holder_of(asked: &Asked) -> Option<Record> {
    let holder = asked.holder?;
    let (number, title) = (asked.number, asked.title.as_deref().unwrap_or_default());
    Record::parse(&format!("RFC {number} {title} {} {}", holder.ip(), holder.port())).ok()
}
