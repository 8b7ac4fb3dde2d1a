//! How the program of a submission is started: by a process of this program, which limits itself and becomes it.

use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};

use super::job::Job;
use super::places::Places;
use super::watch::Watch;
use crate::check::Launch;
use crate::confined::{self, Isolation};
use crate::escape::excerpt;
use crate::limits;

/// Bytes of an error that are read.
const ERROR: u64 = 1024;

/// A program that can be started.
#[derive(Debug)]
pub(super) struct Launching {
    pub(super) launch: Launch,
    pub(super) watch: Watch,
    pub(super) places: Places,
    failure: Failure,
}

impl Launching {
    /// A program with these words, which may have placeholders.
    ///
    /// # Errors
    /// When the system refuses a thread or a pipe.
    pub(super) fn new(job: &Job, isolation: Isolation, words: Vec<String>) -> io::Result<Self> {
        let private = job.work.as_deref().unwrap_or(Path::new(confined::PRIVATE));
        let (places, failure) = (Places::below(private), Failure::new()?);
        let processes = match (isolation.namespaces, job.user) {
            // Those of the user, or of the user in this namespace, are all of the program.
            (true, _) | (_, Some(_)) => limits::PROGRAM_PROCESSES,
            (false, None) => limits::PROGRAM_PROCESSES.saturating_add(confined::tasks_of_user()),
        };
        let mut prefix =
            vec![confined::own_program().to_string(), "check".into(), "execute".into()];
        prefix.push(format!("--home={}", places.home.display()));
        prefix.push(format!("--temporary={}", places.temporary.display()));
        prefix.push(format!("--processes={processes}"));
        prefix.push(format!("--failure={}", failure.writer.as_raw_fd()));
        prefix.extend(job.user.map(|user| format!("--user={user}")));
        prefix.push("--".into());
        let watch = Watch::start((!isolation.namespaces).then_some(private))?;
        let launch = Launch {
            prefix,
            words,
            directory: Some(places.submission.clone()),
            written: watch.written(),
            sweep: Arc::new(watch.sweep()),
        };
        Ok(Self { launch, watch, places, failure })
    }

    /// Why the command could not be started; `None` if it was.
    pub(super) fn failure(&self, job: &Job) -> Option<String> {
        let error = self.failure.read()?;
        let program = job.words.first().map(String::as_str).unwrap_or_default();
        let program = excerpt(program);
        Some(format!(
            "cannot start {program}: {error}; its first word must be a program, because no shell reads the \
             command"
        ))
    }
}

/// A pipe to which a process writes why it could not become the program. The program does not have it.
#[derive(Debug)]
struct Failure {
    reader: PipeReader,
    writer: PipeWriter,
}

impl Failure {
    fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        ioctl_fionbio(&reader, true)?;
        // The processes that this one starts inherit it.
        fcntl_setfd(&writer, FdFlags::empty())?;
        Ok(Self { reader, writer })
    }

    /// What was written until now.
    fn read(&self) -> Option<String> {
        let mut bytes = Vec::new();
        // It ends with an error when nothing is left, because the other end is open.
        let _ = (&self.reader).take(ERROR).read_to_end(&mut bytes);
        // It may have been started several times.
        let text = String::from_utf8_lossy(&bytes);
        text.lines().next().map(String::from)
    }
}
