//! The process that tests a submission, next to its program.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::job::Job;
use super::kind::Kind;
use super::report::{Problem, Report};
use super::{operated, served};
use crate::check;
use crate::cli::output::print::print_json;
use crate::confined::{self, Isolation};

/// Runs as a process of its own. With namespaces it is the first process of its PID namespace.
pub(in crate::cli::check) fn run_session(job: &Job) -> ExitCode {
    let mut isolation = Isolation::from_words(&job.isolation);
    let begun = if isolation.namespaces {
        let ended = confined::end_with_parent();
        isolation.memory = confined::mount_processes();
        ended.and_then(|()| confined::drop_capabilities())
    } else {
        isolation = Isolation { memory: true, user: job.user.is_some(), ..isolation };
        confined::refuse_tracing().and_then(|()| confined::adopt_orphans())
    };
    let ending = end_with_input(job.work.clone());
    let report = match begun {
        Err(error) => Report::untested(isolation, format!("isolation is not possible: {error}")),
        Ok(()) if job.probe => Report { isolation, is_tested: true, ..Report::default() },
        Ok(()) => test(job, isolation),
    };
    // Waits for its end, if the input has ended.
    let _running = ending.lock().unwrap_or_else(PoisonError::into_inner);
    // If nobody reads the report, its reader reports that.
    let _ = print_json(&report.to_json());
    ExitCode::SUCCESS
}

/// Ends with the process that has started this one: the other end of standard input is then closed. The files
/// of the submission are removed, if the kernel does not do it. The result is locked as soon as this process is
/// being ended.
fn end_with_input(work: Option<PathBuf>) -> Arc<Mutex<()>> {
    let ending = Arc::<Mutex<()>>::default();
    let result = Arc::clone(&ending);
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ending = ending.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is started afterwards.
        check::kill_all();
        confined::kill_descendants();
        if let Some(work) = work {
            let _ = confined::remove_tree(&work);
        }
        std::process::exit(1);
    });
    result
}

fn test(job: &Job, isolation: Isolation) -> Report {
    let tested = match job.kind {
        Kind::Server | Kind::Uploader => served::test(job, isolation),
        Kind::Client | Kind::Peer => operated::test(job, isolation),
    };
    tested.unwrap_or_else(|problem| match problem {
        Problem::OfProgram(text) => {
            let untested = Report::untested(isolation, text);
            Report { is_tested: true, ..untested }
        }
        Problem::OfSystem(text) => Report::untested(isolation, text),
    })
}
