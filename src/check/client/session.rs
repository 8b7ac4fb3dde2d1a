//! Leads the program under test through all cases: asks for an operation, replies to its request, and
//! finds out whether the program goes on.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{body, word};
use super::asked::{Asked, title};
use super::connection::End;
use super::exchange::{ClientTest, Exchange, Operation, Reply, RequestRule};
use super::files;
use super::operator::{Begun, Operator, State};
use super::requests::{AFTERWARDS, Answered, Arrival, LOOK, Requests};
use super::verdicts::Finding;
use crate::check::case::{Case, Symptom, Test};
use crate::check::run::{self, Outcome, Target};

/// Bytes of a reply and of the output that are shown.
const SHOWN: usize = 700;
/// Time for a person to leave.
const LEAVING: Duration = Duration::from_secs(3_600);

/// A test of a client.
pub(crate) struct Session {
    operator: Operator,
    requests: Requests,
    /// The first number.
    first: u64,
    /// The case whose reply was sent last: it passes if the program goes on.
    pending: Option<Pending>,
    /// Cases that pass if the output has their words.
    unshown: Vec<Pending>,
    /// Whether the person has not done anything for too long.
    is_over: bool,
}

/// A case, and what was received and sent.
struct Pending {
    case: &'static Case,
    sent: Vec<(char, Vec<u8>)>,
    /// The words that the output should have.
    words: Vec<String>,
    time: Duration,
}

impl Session {
    /// Listens as an index server.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn new(listener: TcpListener, first: u64, operator: Operator) -> io::Result<Self> {
        let (requests, unshown) = (Requests::start(listener)?, Vec::new());
        Ok(Self { operator, requests, first, pending: None, unshown, is_over: false })
    }

    /// Runs the cases. `uploads` are those for the upload server of a program that is started.
    pub(crate) fn run(
        mut self,
        cases: &[&'static Case],
        uploads: &[&'static Case],
    ) -> Vec<Outcome> {
        let steps: Vec<(&'static Case, Exchange)> = cases
            .iter()
            .filter_map(|case| match case.test {
                Test::Client(ClientTest::Exchange(exchange)) => Some((*case, exchange)),
                _ => None,
            })
            .collect();
        let mut uploaded = Vec::new();
        for (place, (case, exchange)) in steps.iter().enumerate() {
            if exchange.operation == Operation::Leave {
                self.add_again();
                self.check_port();
                uploaded = self.run_uploads(uploads);
            }
            let step = format!("[{}/{}]", place + 1, steps.len());
            let number = self.first.saturating_add(u64::try_from(place).unwrap_or_default());
            if self.is_over {
                break;
            }
            match exchange.operation {
                Operation::Leave => self.leave(case, &step),
                _ => self.exchange(case, *exchange, &step, number),
            }
        }
        self.stop();
        let mut outcomes = self.requests.verdicts.outcomes(cases);
        outcomes.extend(uploaded);
        outcomes
    }

    fn exchange(&mut self, case: &'static Case, exchange: Exchange, step: &str, number: u64) {
        let begun = Instant::now();
        let operation = exchange.operation;
        let is_download = operation == Operation::Get;
        let holder = is_download.then(|| self.requests.upload_server()).flatten();
        let asked = Asked { operation, number, title: Some(title(number)), holder };
        loop {
            let (symptom, other) = match self.requests.ask(&mut self.operator, &asked, step) {
                Arrival::Request(waiting) => {
                    self.goes_on();
                    let answered = self.requests.reply(&asked, exchange, waiting);
                    let finding = self.fault_of(&asked, exchange, &answered);
                    let sent = vec![('C', answered.request), ('S', first_bytes(&answered.reply))];
                    let words = words(&asked, exchange);
                    let pending = Pending { case, sent, words, time: begun.elapsed() };
                    match finding {
                        Some(finding) => self.fail(pending, finding),
                        None => self.pending = Some(pending),
                    }
                    return;
                }
                Arrival::Done => {
                    self.goes_on();
                    self.pending = Some(Pending::without_reply(case, begun));
                    return;
                }
                Arrival::Nothing { symptom, other, is_idle } => {
                    self.is_over |= is_idle;
                    (symptom, other)
                }
            };
            match self.pending.take() {
                // The program has not survived the reply before: it is given another chance.
                Some(pending) => {
                    let expected = "(the request of the next step)";
                    self.fail(pending, Finding::new(Symptom::Stopped, expected).received(&other));
                    if self.is_over {
                        return;
                    }
                }
                None => {
                    let method = asked.operation.method();
                    let object = match asked.operation {
                        Operation::List => "ALL".into(),
                        _ => format!("RFC {number}"),
                    };
                    let expected = format!("{method} {object} P2P-CI/1.0\r\n...");
                    let finding = Finding::new(symptom, expected).received(&other);
                    return self.fail(Pending::without_reply(case, begun), finding);
                }
            }
        }
    }

    /// The program has sent the request of the next step.
    fn goes_on(&mut self) {
        let output = self.operator.output();
        if let Some(pending) = self.pending.take() {
            self.requests.verdicts.exchange(pending.case, pending.time, None);
            if !pending.words.is_empty() && output.is_some() {
                self.unshown.push(pending);
            }
        }
        let text = String::from_utf8_lossy(output.as_deref().unwrap_or_default()).into_owned();
        self.unshown.retain(|one| !one.words.iter().all(|word| text.contains(word)));
        self.requests.index.confirm_closed(&mut self.requests.verdicts);
    }

    /// What is wrong with the way in which a reply was taken.
    fn fault_of(&self, asked: &Asked, exchange: Exchange, answered: &Answered) -> Option<Finding> {
        match (exchange.reply, answered.end) {
            (_, Some(End::Reset)) => {
                return Some(Finding::new(Symptom::NotRead, "(all bytes of the reply are read)"));
            }
            (Reply::Document(_), None | Some(End::Late)) => {
                return Some(Finding::new(Symptom::Connection, "(the connection is closed)"));
            }
            _ => {}
        }
        let directory = self.operator.directory()?;
        match exchange.reply {
            Reply::Document(document) => {
                let content = body(asked.number, document.body);
                let is_saved = files::has_content(directory, &content, answered.deadline);
                (!is_saved).then(|| Finding::new(Symptom::NotSaved, "(a file with these bytes)"))
            }
            Reply::Refused(..) if asked.operation == Operation::Get => {
                files::named(directory, asked.number)
                    .map(|name| Finding::new(Symptom::Saved, "(no file)").received(name.as_bytes()))
            }
            _ => None,
        }
    }

    fn leave(&mut self, case: &'static Case, step: &str) {
        let begun = Instant::now();
        let asked = Asked { operation: Operation::Leave, number: 0, title: None, holder: None };
        self.requests.index.leaves();
        let deadline = match self.operator.begin(&asked, step) {
            Begun::Until(deadline) => deadline.unwrap_or(begun + LEAVING),
            Begun::NotInMenu => begun,
        };
        while self.requests.index.has_open() && Instant::now() < deadline {
            self.requests.serve(LOOK);
            if self.operator.state() == State::Skipped {
                break;
            }
        }
        let is_open = self.requests.index.has_open();
        // A program that has left with its last reply unread has not gone on, and need not.
        self.goes_on();
        let finding =
            is_open.then(|| Finding::new(Symptom::Connection, "(all connections closed)"));
        let pending = Pending::without_reply(case, begun);
        match finding {
            Some(finding) => self.record(pending, finding),
            None => self.requests.verdicts.exchange(case, pending.time, None),
        }
    }

    /// A case has failed: the program is started again.
    fn fail(&mut self, pending: Pending, finding: Finding) {
        self.record(pending, finding);
        self.pending = None;
        self.settle_output();
        self.requests.index.restarted();
        self.operator.restart();
        self.requests.serve(AFTERWARDS);
    }

    fn record(&mut self, pending: Pending, finding: Finding) {
        let output = self.operator.output().unwrap_or_default();
        let output = last_bytes(&output);
        let finding = Finding { sent: pending.sent, output, ..finding };
        self.requests.verdicts.exchange(pending.case, pending.time, Some(finding));
    }

    /// Ends the program.
    fn stop(&mut self) {
        self.operator.stop();
        self.settle_output();
    }

    /// The output of a program that ends is complete.
    fn settle_output(&mut self) {
        let output = self.operator.output().unwrap_or_default();
        let text = String::from_utf8_lossy(&output).into_owned();
        for pending in std::mem::take(&mut self.unshown) {
            if let Some(word) = pending.words.iter().find(|word| !text.contains(*word)) {
                let expected = format!("(output with `{word}`)");
                let finding = Finding::new(Symptom::NotShown, expected);
                self.record(pending, finding.received(&last_bytes(&output)));
            }
        }
    }

    /// A program that was started again has not added its document.
    fn add_again(&mut self) {
        if self.requests.index.upload_server().is_some() || self.operator.is_person() {
            return;
        }
        let (operation, number) = (Operation::Add, self.first);
        let asked = Asked { operation, number, title: Some(title(number)), holder: None };
        // Without an ADD there is no upload server, which is a failure of its cases.
        if let Arrival::Request(waiting) = self.requests.ask(&mut self.operator, &asked, "") {
            let usual = Exchange::new(operation, Reply::Usual);
            self.requests.reply(&asked, usual, waiting);
        }
    }

    /// Whether the port of ADD accepts connections.
    fn check_port(&mut self) {
        let Some(address) = self.requests.index.upload_server() else { return };
        let is_listening = TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok();
        let expected = format!("(a connection to {address})");
        let finding = (!is_listening).then(|| Finding::new(Symptom::NotConnected, expected));
        self.requests.verdicts.rule(RequestRule::PortListens, finding);
    }

    /// Tests the upload server of a program that was started, while its requests are answered.
    fn run_uploads(&mut self, cases: &[&'static Case]) -> Vec<Outcome> {
        let Operator::Driven(driven) = &self.operator else { return Vec::new() };
        let rfc = driven.rfc();
        let nowhere = SocketAddr::new(self.requests.index.host(), 1);
        let address = self.requests.index.upload_server().unwrap_or(nowhere);
        let target = Target::at(address, self.requests.index.host(), rfc);
        let work = move |cases: Vec<&'static Case>| {
            let each = cases.into_iter().enumerate();
            each.map(|(place, case)| run::run(case, place, target)).collect::<Vec<Outcome>>()
        };
        thread::scope(|scope| {
            let list = cases.to_vec();
            let running = scope.spawn(move || work(list));
            while !running.is_finished() {
                self.requests.serve(LOOK);
            }
            running.join().unwrap_or_default()
        })
    }
}

impl Pending {
    fn without_reply(case: &'static Case, begun: Instant) -> Self {
        Self { case, sent: Vec::new(), words: Vec::new(), time: begun.elapsed() }
    }
}

/// The words that the output should have after a reply: those of the first and the last record.
fn words(asked: &Asked, exchange: Exchange) -> Vec<String> {
    match exchange.reply {
        Reply::Records(count, _) if count > 0 => {
            [0, count.saturating_sub(1)].map(|place| word(asked.number, place)).into()
        }
        _ => Vec::new(),
    }
}

fn first_bytes(bytes: &[u8]) -> Vec<u8> {
    bytes.get(..SHOWN).unwrap_or(bytes).to_vec()
}

fn last_bytes(bytes: &[u8]) -> Vec<u8> {
    bytes.get(bytes.len().saturating_sub(SHOWN)..).unwrap_or_default().to_vec()
}
