//! Isolates itself, copies the submission, and starts the session inside.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::job::Job;
use super::places::Places;
use super::report::Report;
use super::session;
use crate::cli::output::print::print_json;
use crate::confined::{self, Isolation};

/// Runs as a process of its own, with one thread.
pub(in crate::cli::check) fn supervise(job: &Job) -> ExitCode {
    confined::leave_terminal();
    let supervised = match &job.work {
        None => isolate(job),
        Some(work) => prepare(job, work, &job.submission).map(|()| {
            session::run_session(job);
        }),
    };
    if let Err(problem) = supervised {
        // If nobody reads the report, its reader reports that.
        let _ = print_json(&Report::untested(Isolation::default(), problem).to_json());
    }
    ExitCode::SUCCESS
}

/// Enters namespaces, and waits for the session in them.
fn isolate(job: &Job) -> Result<(), String> {
    // It is hidden below, and stays open.
    let source = File::open(&job.submission)
        .map_err(|error| format!("the submission cannot be read: {error}"))?;
    let failed = |error: io::Error| format!("isolation is not possible: {error}");
    confined::enter().map_err(failed)?;
    let files = confined::hide_files(&job.class).map_err(failed)?;
    let source = PathBuf::from(format!("/proc/self/fd/{}", source.as_raw_fd()));
    prepare(job, Path::new(confined::PRIVATE), &source)?;
    let user = job.user.is_some();
    let isolation = Isolation { namespaces: true, files, memory: false, user };
    let inside = Job { isolation: isolation.to_words(), ..job.clone() };
    let mut session = Command::new(confined::own_program());
    session.args(inside.arguments("session")).current_dir("/");
    session.status().map(drop).map_err(failed)
}

/// Copies the submission, and makes the other directories for it.
fn prepare(job: &Job, private: &Path, source: &Path) -> Result<(), String> {
    let places = Places::below(private);
    let made = [&places.home, &places.temporary, &places.documents].into_iter();
    let mut made = made.map(|place| confined::make_directory(place, 0o700, job.user));
    made.find(Result::is_err)
        .unwrap_or(Ok(()))
        .map_err(|error| format!("no directory: {error}"))?;
    if let (Some(user), Some(work)) = (job.user, &job.work) {
        lchown(work, Some(user), Some(user)).map_err(|error| format!("no directory: {error}"))?;
    }
    if job.probe {
        return Ok(());
    }
    confined::copy_tree(source, &places.submission, job.user)
        .map_err(|error| format!("the submission cannot be copied: {error}"))
}
