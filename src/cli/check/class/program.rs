//! The program of a submission, and what its processes use.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::check::Program;
use crate::confined;
use crate::escape::excerpt;
use crate::limits;

/// A program whose processes are watched until it is dropped.
#[derive(Debug)]
pub(super) struct Watched {
    watch: Arc<Watch>,
    watching: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Watch {
    program: Mutex<Program>,
    /// A directory of which the size is limited; `None` if the system limits it.
    files: Option<PathBuf>,
    exceeded: Mutex<Option<&'static str>>,
    is_over: AtomicBool,
}

impl Watched {
    /// Starts the command in this directory.
    ///
    /// # Errors
    /// When the system cannot start it.
    pub(super) fn start(
        words: &[String],
        directory: &Path,
        files: Option<&Path>,
    ) -> io::Result<Self> {
        let program = Mutex::new(Program::start(words, Some(directory))?);
        let watch = Watch {
            program,
            files: files.map(Path::to_path_buf),
            exceeded: Mutex::default(),
            is_over: AtomicBool::new(false),
        };
        let watch = Arc::new(watch);
        let watched = Arc::clone(&watch);
        let watching = thread::Builder::new().name("watch".into()).spawn(move || watched.run())?;
        Ok(Self { watch, watching: Some(watching) })
    }

    /// Whether the process that was started has ended. Others of the program may run on.
    pub(super) fn has_ended(&self) -> bool {
        lock(&self.watch.program).has_ended()
    }

    /// Waits for the end of the process.
    pub(super) fn ends_within(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// A limit that was exceeded, after which all processes were killed.
    pub(super) fn exceeded(&self) -> Option<&'static str> {
        *lock(&self.watch.exceeded)
    }

    /// How the process has ended, and the last line that it has written.
    pub(super) fn ending(&self) -> String {
        let program = lock(&self.watch.program);
        let ending = match program.wait(Instant::now()) {
            Ok(Some(status)) => ending(status),
            Ok(None) => "is still running".into(),
            Err(error) => error.to_string(),
        };
        // The threads that collect the output may be a moment behind.
        program.wait_for_quiet(Duration::from_millis(80), Instant::now() + ENDING);
        let output = program.output();
        let mut lines = output.split(|byte| *byte == b'\n').rev();
        match lines.find(|line| !line.trim_ascii().is_empty()) {
            Some(line) => format!("{ending}; last output {}", excerpt(line.trim_ascii())),
            None => ending,
        }
    }
}

/// Time in which a process ends that has closed its sockets, and in which its output arrives.
pub(super) const ENDING: Duration = Duration::from_millis(300);

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.is_over.store(true, Ordering::Relaxed);
        if let Some(watching) = self.watching.take() {
            // It does not panic.
            let _ = watching.join();
        }
        confined::kill_descendants();
    }
}

impl Watch {
    fn run(&self) {
        let id = lock(&self.program).id();
        while !self.is_over.load(Ordering::Relaxed) {
            confined::reap_orphans(id);
            let exceeded = self.find_exceeded();
            if exceeded.is_some() {
                *lock(&self.exceeded) = exceeded;
                confined::kill_descendants();
                lock(&self.program).kill();
                return;
            }
            thread::sleep(limits::SUBMISSION_WATCH);
        }
    }

    fn find_exceeded(&self) -> Option<&'static str> {
        if lock(&self.program).written() > limits::SUBMISSION_OUTPUT {
            return Some("wrote more than 8 MiB of output, and was ended");
        }
        // It can lower the limit of open files of this process, if it runs as the same user.
        let Ok(processes) = confined::descendants() else {
            return Some("the processes of the program could not be watched, and it was ended");
        };
        let memory = processes.iter().map(|process| process.memory).sum::<u64>();
        if memory > limits::SUBMISSION_MEMORY {
            return Some("used more than 2 GiB of memory in all its processes, and was ended");
        }
        let (bytes, files) = confined::size_of_tree(self.files.as_deref()?);
        let is_above = bytes > limits::SUBMISSION_FILES || files > limits::SUBMISSION_FILE_COUNT;
        is_above.then_some("wrote more than 256 MiB or 20000 files, and was ended")
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {}", signal_name(signal)),
        (None, None) => "ended".into(),
    }
}

fn signal_name(number: i32) -> String {
    let name = match number {
        4 => " (illegal instruction)",
        6 => " (abort)",
        7 => " (bus error)",
        8 => " (arithmetic error)",
        9 => " (killed)",
        11 => " (segmentation fault)",
        13 => " (broken pipe)",
        15 => " (terminated)",
        24 => " (processor time limit)",
        25 => " (file size limit)",
        _ => "",
    };
    format!("{number}{name}")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
