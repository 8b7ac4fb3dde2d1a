//! The program of a submission that serves, and how it has ended.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use crate::check::{Launch, Program};
use crate::escape::excerpt;

/// A program that runs.
#[derive(Debug)]
pub(super) struct Running(Program);

/// Time in which a process ends that has closed its sockets, and in which its output arrives.
pub(super) const ENDING: Duration = Duration::from_millis(300);

impl Running {
    /// # Errors
    /// When the system cannot start it.
    pub(super) fn start(launch: &Launch) -> io::Result<Self> {
        Program::start(launch).map(Self)
    }

    /// Whether the process that was started has ended. Others of the program may run on.
    pub(super) fn has_ended(&self) -> bool {
        self.0.has_ended()
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

    /// How the process has ended, and the last line that it has written.
    pub(super) fn ending(&self) -> String {
        let ending = match self.0.wait(Instant::now()) {
            Ok(Some(status)) => ending(status),
            Ok(None) => "is still running".into(),
            Err(error) => error.to_string(),
        };
        // The threads that collect the output may not have read all of it yet.
        self.0.wait_for_quiet(Duration::from_millis(80), Instant::now() + ENDING);
        match last_line(&self.0.output()) {
            Some(line) => format!("{ending}; last output {line}"),
            None => ending,
        }
    }
}

/// The last line of an output that is not empty.
pub(super) fn last_line(output: &[u8]) -> Option<String> {
    let mut lines = output.split(|byte| *byte == b'\n').rev();
    lines
        .find(|line| !line.trim_ascii().is_empty())
        .map(|line| excerpt(line.trim_ascii()).to_string())
}

/// How a process has ended.
pub(super) fn ending(status: ExitStatus) -> String {
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
