//! Runs the cases of a submission that serves: an index server, or an upload server.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::super::case_result::CaseResult;
use super::job::Job;
use super::kind::{INDEX, Kind};
use super::launching::Launching;
use super::ports;
use super::program::{ENDING, Running};
use super::report::{Problem, Report};
use crate::check::{self, Outcome, Target};
use crate::confined::{self, Isolation};
use crate::limits;
use crate::protocol::dialect::StyleSettings;
use crate::server::{Config, Server};

/// Starts the program, and runs the cases.
pub(super) fn test(job: &Job, isolation: Isolation) -> Result<Report, Problem> {
    let port = if job.port == 0 { ports::free_port()? } else { job.port };
    ports::wait_until_free(port).map_err(Problem::OfSystem)?;
    if job.kind == Kind::Uploader {
        start_index().map_err(Problem::OfSystem)?;
    }
    let mut launching = Launching::new(job, isolation, Vec::new())?;
    let directory = launching.places.submission.display().to_string();
    let words = job.words.iter().map(|word| {
        let word = word.replace("{dir}", &directory).replace("{port}", &port.to_string());
        word.replace("{rfc}", &job.rfc.to_string())
    });
    launching.launch.words = words.collect();
    let program = Running::start(&launching.launch)?;
    Session { job, isolation, launching }.test(&program, port)
}

struct Session<'a> {
    job: &'a Job,
    isolation: Isolation,
    launching: Launching,
}

impl Session<'_> {
    fn test(&self, program: &Running, port: u16) -> Result<Report, Problem> {
        let job = self.job;
        let begun = Instant::now();
        let target = self.wait_for_listener(program, port)?;
        let mut report = Report { isolation: self.isolation, is_tested: true, ..Report::default() };
        let end = begun + Duration::from_secs(job.seconds);
        let mut silent = 0_usize;
        let cases = job.kind.cases(job.level);
        for (place, case) in cases.into_iter().skip_while(|(place, _)| *place < job.from) {
            if Instant::now() >= end {
                let seconds = limits::SUBMISSION_TIME.as_secs();
                report.problems.push(format!("its cases took more than {seconds} s"));
                break;
            }
            let outcome = check::run(case, place, &target);
            report.results.push(CaseResult::from(&outcome));
            silent = if is_silent(&outcome) { silent.saturating_add(1) } else { 0 };
            let stopped = match self.launching.watch.exceeded() {
                Some(exceeded) => Some(exceeded.to_string()),
                None if is_gone(program, &target, &outcome) => Some(program.ending()),
                None if silent >= limits::SILENT_CASES && job.restarts => {
                    silent = 0;
                    Some("did not reply any more".to_string())
                }
                None => None,
            };
            if let Some(stopped) = stopped {
                if let Some(result) = report.results.last_mut() {
                    result.fail(&format!("{stopped}; serve on, whatever a client sends"));
                }
                report.problems.push(format!("{stopped} (in {})", case.id));
                report.next = Some(place.saturating_add(1));
                break;
            }
        }
        Ok(report)
    }

    /// Waits until the program accepts connections.
    fn wait_for_listener(&self, program: &Running, port: u16) -> Result<Target, Problem> {
        let deadline = Instant::now() + limits::PROGRAM_START;
        let of_program = |text| Err(Problem::OfProgram(text));
        let shared = (self.job.kind == Kind::Uploader).then_some(self.job.rfc);
        loop {
            for address in [ports::addresses(port).to_vec(), self.other_addresses()].concat() {
                if let Ok(target) = Target::reach(&[address], shared) {
                    return Ok(target);
                }
            }
            if let Some(exceeded) = self.launching.watch.exceeded() {
                return of_program(format!("{exceeded} (before it listened)"));
            }
            // A process of it may run in the background.
            if program.has_ended() && confined::descendants().is_ok_and(|left| left.is_empty()) {
                return match self.launching.failure(self.job) {
                    Some(failure) => Err(Problem::OfSystem(failure)),
                    None => of_program(format!("{} (before it listened)", program.ending())),
                };
            }
            if Instant::now() >= deadline {
                let seconds = limits::PROGRAM_START.as_secs();
                let mut text = format!("did not listen on port {port} within {seconds} s");
                let others: Vec<String> = self.listening().map(|port| port.to_string()).collect();
                if !others.is_empty() {
                    text += &format!(", but on {}", others.join(", "));
                } else if program.has_ended() {
                    text += &format!("; {}", program.ending());
                }
                return of_program(text);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The ports on which the program listens, if no other program can listen in this network.
    fn listening(&self) -> impl Iterator<Item = u16> {
        let ports = if self.isolation.namespaces { confined::listening_ports() } else { [].into() };
        ports.into_iter().filter(|port| *port != INDEX)
    }

    /// An upload server may choose its port, unless it is told it.
    fn other_addresses(&self) -> Vec<SocketAddr> {
        let is_told = self.job.words.iter().any(|word| word.contains("{port}"));
        match self.job.kind {
            Kind::Uploader if !is_told => self.listening().flat_map(ports::addresses).collect(),
            _ => Vec::new(),
        }
    }
}

/// Whether the program has ended, and no other process of it listens. No connection is made: some programs do not survive one
/// without a request.
fn is_gone(program: &Running, target: &Target, outcome: &Outcome) -> bool {
    let may_have_ended = program.has_ended() || outcome.failed.is_some();
    let listens = || confined::listening_ports().contains(&target.port());
    may_have_ended && !listens() && program.ends_within(ENDING)
}

/// Whether nothing was received, after a wait.
fn is_silent(outcome: &Outcome) -> bool {
    let is_without_reply = outcome.failed.as_ref().is_some_and(|failed| failed.received.is_empty());
    is_without_reply && outcome.time >= Duration::from_secs(2)
}

/// Starts an index server, which peers expect. It ends with this process.
fn start_index() -> Result<(), String> {
    let config = Config {
        listen: ports::addresses(INDEX).to_vec(),
        compat: Some(StyleSettings::default()),
        ..Config::default()
    };
    let server =
        Server::bind(&config).map_err(|error| format!("no index server for it: {error}"))?;
    thread::spawn(move || server.run());
    Ok(())
}
