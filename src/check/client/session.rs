//! Leads the program under test through all cases: asks for an operation, replies to its request, and
//! finds out whether the program continues.

use std::io;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::answer::body;
use super::asked::{Asked, title};
use super::connection::End;
use super::exchange::{ClientTest, Exchange, Operation, Reply};
use super::files;
use super::operator::{Begun, Operator, State};
use super::pending::{Pending, last_bytes};
use super::requests::{Answered, Arrival, LOOK, Requests};
use super::verdicts::Finding;
use crate::check::case::{Case, Test};
use crate::check::run::Outcome;
use crate::check::symptom::Symptom;

/// Time for a program to show a reply.
const SHOWING: Duration = Duration::from_millis(300);
/// What is expected after the reply to a step.
pub(super) const NEXT: &str = "(the request of the next step)";
/// Time for a person to leave.
const LEAVING: Duration = Duration::from_secs(3_600);

/// A test of a client.
pub(crate) struct Session {
    pub(super) operator: Operator,
    pub(super) requests: Requests,
    /// The first number.
    pub(super) first: u64,
    /// The case whose reply was sent last: it passes if the program continues.
    pub(super) pending: Option<Pending>,
    /// Cases that pass if the output has their words.
    unshown: Vec<Pending>,
    /// Whether a reply was in the output when the next request arrived: the output is not buffered.
    shows_immediately: bool,
    /// Whether the program has added a document.
    pub(super) has_added: bool,
    pub(super) failures: usize,
    /// Whether the person has not done anything for too long, the program never connects or cannot be started
    /// again, or the time is over.
    pub(super) is_over: bool,
    /// The end of the time for all cases.
    until: Option<Instant>,
}

impl Session {
    /// Listens as an index server.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn new(listener: TcpListener, first: u64, operator: Operator) -> io::Result<Self> {
        let (requests, unshown) = (Requests::start(listener)?, Vec::new());
        Ok(Self {
            operator,
            requests,
            first,
            pending: None,
            unshown,
            shows_immediately: false,
            has_added: false,
            failures: 0,
            is_over: false,
            until: None,
        })
    }

    /// No case begins after this time.
    #[cfg(target_os = "linux")]
    pub(crate) fn until(self, time: Instant) -> Self {
        Self { until: Some(time), ..self }
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
        for (place, (case, exchange)) in steps.iter().enumerate() {
            if exchange.operation == Operation::Leave || self.is_over() {
                break;
            }
            let step = format!("[{}/{}]", place + 1, steps.len());
            let number = self.first.saturating_add(u64::try_from(place).unwrap_or_default());
            self.exchange(case, *exchange, &step, number);
        }
        self.survive_last_reply();
        let mut uploaded = Vec::new();
        if let Some(rfc) = self.operator.started_rfc() {
            self.add_again();
            uploaded = self.test_uploads(rfc, uploads);
        }
        if let Some((case, _)) = steps.last().filter(|(_, one)| one.operation == Operation::Leave)
            && !self.is_over()
        {
            self.leave(case, &format!("[{}/{}]", steps.len(), steps.len()));
        }
        self.stop();
        let mut outcomes = self.requests.verdicts.outcomes(cases);
        outcomes.extend(uploaded);
        outcomes
    }

    fn exchange(&mut self, case: &'static Case, exchange: Exchange, step: &str, number: u64) {
        self.check_shown();
        let begun = Instant::now();
        let operation = exchange.operation;
        let is_download = operation == Operation::Get;
        let holder = is_download.then(|| self.requests.upload_server()).flatten();
        let asked = Asked { operation, number, title: Some(title(number)), holder };
        let mut suspected = None;
        loop {
            if self.operator.has_ended()
                && let Some(pending) = self.pending.take()
            {
                // It has not been asked for anything since that reply.
                self.fail(pending, Finding::new(Symptom::Stopped, NEXT));
                if self.is_over {
                    return;
                }
            }
            let (symptom, other) = match self.requests.ask(&mut self.operator, &asked, step) {
                Arrival::Request(waiting) => {
                    self.decide(suspected, true);
                    self.goes_on();
                    let answered = self.requests.reply(&asked, exchange, waiting);
                    let finding = self.fault_of(&asked, exchange, &answered);
                    let pending = Pending::of(case, begun, (&asked, exchange), answered);
                    match finding {
                        Some(finding) => self.fail(pending, finding),
                        None => self.pending = Some(pending),
                    }
                    return self.check_port();
                }
                Arrival::Done => {
                    self.decide(suspected, true);
                    self.goes_on();
                    self.pending = Some(Pending::without_reply(case, begun));
                    return self.check_port();
                }
                Arrival::Restarted => {
                    self.was_restarted();
                    continue;
                }
                Arrival::Nothing { symptom, other, is_idle } => {
                    self.is_over |= is_idle;
                    (symptom, other)
                }
            };
            if symptom == Symptom::NotInMenu
                || symptom == Symptom::Skipped && !self.requests.index.is_closed()
            {
                // Neither says anything about the reply before.
                self.decide(suspected, true);
                let expected = asked.request_line();
                return self.record(
                    Pending::without_reply(case, begun),
                    Finding::new(symptom, expected).received(&other),
                );
            }
            match self.pending.take() {
                // The reply before has stopped the program, or this operation has: a new process tells.
                Some(pending) => {
                    suspected = Some(self.suspect(pending, &other));
                    if self.is_over {
                        return self.decide(suspected, true);
                    }
                }
                None => {
                    self.decide(suspected, false);
                    let finding = Finding::new(symptom, asked.request_line()).received(&other);
                    return self.fail(Pending::without_reply(case, begun), finding);
                }
            }
        }
    }

    /// Before the next step: a program that shows replies immediately must have shown the last one. What it
    /// has not read by then it would take for the next one.
    fn check_shown(&mut self) {
        let until = Instant::now() + SHOWING;
        while let Some(pending) = self.pending.as_ref().filter(|one| !one.words.is_empty())
            && let Some(output) = self.operator.output()
        {
            if pending.missing(&output).is_none() {
                self.shows_immediately = true;
                return;
            }
            if Instant::now() >= until {
                break;
            }
            self.requests.serve(LOOK);
        }
        let is_late = |one: &mut Pending| self.shows_immediately && !one.words.is_empty();
        if !self.operator.is_person()
            && let Some(pending) = self.pending.take_if(is_late)
        {
            let finding = pending.not_shown(&self.output());
            self.fail(pending, finding);
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
        let output = output.unwrap_or_default();
        self.unshown.retain(|one| one.missing(&output).is_some());
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
                let expected = format!("(a file with these bytes in {})", directory.display());
                (!is_saved).then(|| Finding::new(Symptom::NotSaved, expected))
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
            if matches!(self.operator.state(), State::Skipped | State::Unresponsive) {
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

    /// A program that is started and has ended after the last reply has not survived it.
    fn survive_last_reply(&mut self) {
        if self.operator.state() == State::Ended
            && let Some(pending) = self.pending.take()
        {
            self.fail(pending, Finding::new(Symptom::Ended, "(a program that waits)"));
        }
    }

    /// Whether no further case begins.
    pub(super) fn is_over(&self) -> bool {
        self.is_over || self.is_late()
    }

    /// Whether the time for all cases is over.
    pub(super) fn is_late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    pub(super) fn record(&mut self, pending: Pending, finding: Finding) {
        let output = self.output();
        let output = last_bytes(&output);
        let finding = Finding { sent: pending.sent, output, ..finding };
        self.requests.verdicts.exchange(pending.case, pending.time, Some(finding));
    }

    pub(super) fn output(&self) -> Vec<u8> {
        self.operator.output().unwrap_or_default()
    }

    /// Ends the program.
    fn stop(&mut self) {
        self.operator.stop();
        self.settle_output();
    }

    /// The output of a program that ends is complete.
    pub(super) fn settle_output(&mut self) {
        let output = self.output();
        for pending in std::mem::take(&mut self.unshown) {
            if pending.missing(&output).is_some() {
                let finding = pending.not_shown(&output);
                self.record(pending, finding);
            }
        }
    }
}
