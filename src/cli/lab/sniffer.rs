//! tshark, which counts the packets of the loopback interface while a scenario runs.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::net::Cancel;

/// Time until it captures.
const START: Duration = Duration::from_secs(10);
/// Time until it has printed the last packets.
const END: Duration = Duration::from_secs(10);
/// Time to end in order before it is killed.
const KILL: Duration = Duration::from_secs(2);
/// Packets are passed on in groups, so it is not ended immediately after the last one.
const SETTLE: Duration = Duration::from_millis(500);

/// tshark, which captures. It is ended when this is dropped.
pub(super) struct Sniffer {
    child: Child,
    counting: Option<JoinHandle<Option<Sniffed>>>,
    /// Its messages.
    messages: Option<Receiver<String>>,
}

/// What tshark has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sniffed {
    pub(super) packets: u64,
    /// The lengths of the packets, with their heads.
    pub(super) bytes: u64,
    /// The times of the first and of the last packet with data of a document, in seconds.
    pub(super) first: f64,
    pub(super) last: f64,
}

/// What tshark has counted, or why it has not.
pub(super) type Outcome = Result<Sniffed, String>;

impl Sniffer {
    /// Starts tshark, and waits until it captures.
    pub(super) fn start(cancel: &Cancel) -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err(
                "the addresses of the peers do not show which packets are theirs on this system"
                    .into(),
            );
        }
        let mut command = Command::new("tshark");
        command
            .args(["-i", "lo", "-n", "-l", "-s", "128", "-f", "tcp and net 127.20.0.0/16"])
            .args(["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child =
            command.spawn().map_err(|error| format!("tshark is not installed ({error})"))?;
        let mut sniffer = Self { child, counting: None, messages: None };
        let errors = sniffer.child.stderr.take().ok_or("tshark has no output")?;
        let output = sniffer.child.stdout.take().ok_or("tshark has no output")?;
        let (sender, lines) = channel();
        // It ends with tshark.
        let read = move || {
            BufReader::new(errors)
                .lines()
                .map_while(Result::ok)
                .all(|line| sender.send(line).is_ok())
        };
        let failed = |error| format!("cannot start a thread: {error}");
        thread::Builder::new().name("tshark".into()).spawn(read).map_err(failed)?;
        let begun = Instant::now();
        let mut last = String::new();
        loop {
            match lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) if line.starts_with("Capturing on") => break,
                Ok(line) => last = line,
                Err(RecvTimeoutError::Timeout)
                    if begun.elapsed() < START && !cancel.is_cancelled() => {}
                Err(_) => return Err(format!("tshark may not capture on lo: {}", last.trim())),
            }
        }
        let count = move || count(output);
        let counting =
            thread::Builder::new().name("packets".into()).spawn(count).map_err(failed)?;
        (sniffer.counting, sniffer.messages) = (Some(counting), Some(lines));
        Ok(sniffer)
    }

    /// Ends tshark, and returns what it has counted.
    pub(super) fn end(mut self) -> Outcome {
        thread::sleep(SETTLE);
        self.interrupt();
        let begun = Instant::now();
        let counting = self.counting.take().ok_or("tshark was not started")?;
        while !counting.is_finished() {
            if begun.elapsed() > END {
                return Err("tshark has not ended".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let counted = counting.join().ok().flatten();
        // A user who may not capture is told so after tshark has begun.
        let mut messages = self.messages.iter().flat_map(Receiver::try_iter);
        let failed = messages.find_map(|line| Some(line.strip_prefix("tshark: ")?.to_string()));
        counted.ok_or_else(|| match failed {
            Some(why) => format!("tshark may not capture on lo: {}", why.trim()),
            None => "tshark has captured no packet".into(),
        })
    }

    /// Lets tshark print the last packets, and end.
    fn interrupt(&self) {
        #[cfg(unix)]
        if let Some(process) =
            i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::INT);
        }
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        // In order at first: it has a child that captures.
        self.interrupt();
        let begun = Instant::now();
        while begun.elapsed() < KILL && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn count(output: ChildStdout) -> Option<Sniffed> {
    let mut sniffed: Option<Sniffed> = None;
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let mut fields = line.split_whitespace();
        let (Some(Ok(time)), Some(Ok(length))) =
            (fields.next().map(str::parse::<f64>), fields.next().map(str::parse::<u64>))
        else {
            continue;
        };
        let sum = sniffed.get_or_insert(Sniffed { first: time, ..Sniffed::default() });
        sum.packets += 1;
        sum.bytes += length;
        sum.last = time;
    }
    sniffed
}
