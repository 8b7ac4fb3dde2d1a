//! Runs a supervisor, and removes what its submission has left.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::job::Job;
use super::report::Report;
use crate::check::Case;
use crate::confined::{self, Isolation};
use crate::limits;

type Cases<'a> = &'a [(usize, &'static Case)];

/// Runs a supervisor for a submission, with this isolation.
pub(super) fn supervise_job(mut job: Job, isolation: Isolation, cases: Cases<'_>) -> Report {
    if isolation.namespaces {
        return report(&job, isolation, cases);
    }
    let untested = |error: io::Error| Report::untested(isolation, error.to_string());
    if let Err(error) = confined::refuse_tracing() {
        return untested(error);
    }
    let work = match tempfile::Builder::new().prefix("p2p-ci-class-").tempdir() {
        Ok(work) => work.keep(),
        Err(error) => return untested(error),
    };
    job.work = Some(work.clone());
    let mut report = report(&job, isolation, cases);
    // What has survived its supervisor is now a descendant of this process.
    if !confined::kill_descendants() {
        report.problems.push("some of its processes could not be ended".into());
    }
    confined::reap_orphans(|_| false);
    if let Err(error) = confined::remove_tree(&work) {
        report.problems.push(format!("its files could not be removed: {error}"));
    }
    report
}

fn report(job: &Job, isolation: Isolation, cases: Cases<'_>) -> Report {
    let left = Duration::from_secs(job.seconds);
    run_supervisor(job, cases, left).unwrap_or_else(|| {
        let problem = "ended the process that tests it, or blocked it";
        let untested = Report::untested(isolation, problem.into());
        Report { is_tested: true, ..untested }
    })
}

/// What can be isolated on this system.
pub(super) fn probe(job: Job) -> Isolation {
    let report = run_supervisor(&Job { probe: true, ..job }, &[], Duration::ZERO);
    let isolation = report.filter(|report| report.is_tested).map(|report| report.isolation);
    isolation.unwrap_or_default()
}

/// Time for what a supervisor does before and after the cases: copying, waiting for a port, killing.
const SUPERVISOR: Duration = Duration::from_secs(120);

/// Runs a supervisor; `None` if it does not report in time.
fn run_supervisor(job: &Job, cases: Cases<'_>, time: Duration) -> Option<Report> {
    let mut command = Command::new(confined::own_program());
    command.args(job.arguments("supervise")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let output = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.take(limits::SUBMISSION_RESULT).read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| bytes));
    });
    let bytes = receiver.recv_timeout(time.saturating_add(SUPERVISOR));
    // Its session ends with its input, and with it.
    drop(child.stdin.take());
    if bytes.is_err() {
        let _ = child.kill();
    }
    let _ = child.wait();
    Report::from_json(&bytes.ok()?.ok()?, cases)
}
