//! tshark, which counts the packets of the loopback interface while a scenario runs.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    process: Process,
    counting: Option<JoinHandle<Option<Sniffed>>>,
    /// Its messages.
    messages: Option<Receiver<String>>,
}

/// tshark as a process. It is locked while its end is awaited, so no other process has its number then.
#[derive(Clone)]
pub(super) struct Process(Arc<Mutex<Child>>);

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
    /// Starts tshark, and waits until it captures. `started` is called before that wait.
    pub(super) fn start(cancel: &Cancel, started: impl FnOnce(Process)) -> Result<Self, String> {
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
        let mut child =
            command.spawn().map_err(|error| format!("tshark is not installed ({error})"))?;
        let (errors, output) = (child.stderr.take(), child.stdout.take());
        let process = Process(Arc::new(Mutex::new(child)));
        started(process.clone());
        let mut sniffer = Self { process, counting: None, messages: None };
        let errors = errors.ok_or("tshark has no output")?;
        let output = output.ok_or("tshark has no output")?;
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
        self.process.interrupt();
        let begun = Instant::now();
        let counting = self.counting.take().ok_or("tshark was not started")?;
        while !counting.is_finished() {
            if begun.elapsed() > END {
                return Err("tshark has not ended".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let counted = counting.join().ok().flatten();
        // tshark reports a missing permission only after it has begun.
        let mut messages = self.messages.iter().flat_map(Receiver::try_iter);
        let failed = messages.find_map(|line| Some(line.strip_prefix("tshark: ")?.to_string()));
        counted.ok_or_else(|| match failed {
            Some(why) => format!("tshark may not capture on lo: {}", why.trim()),
            None => "tshark has captured no packet".into(),
        })
    }
}

impl Process {
    /// Lets it print the last packets, and end.
    fn interrupt(&self) {
        #[cfg(unix)]
        signal(&mut self.lock(), rustix::process::Signal::INT);
    }

    /// Lets it end, and does not wait.
    pub(super) fn terminate(&self) {
        // If it is locked, its end is awaited already.
        let Ok(mut child) = self.0.try_lock() else { return };
        #[cfg(unix)]
        signal(&mut child, rustix::process::Signal::TERM);
        #[cfg(not(unix))]
        let _ = child.kill();
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Signals a process that has not ended.
#[cfg(unix)]
fn signal(child: &mut Child, signal: rustix::process::Signal) {
    let process = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let (Some(process), Ok(None)) = (process, child.try_wait()) {
        let _ = rustix::process::kill_process(process, signal);
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        // In order at first: it has a child that captures.
        self.process.interrupt();
        let begun = Instant::now();
        while begun.elapsed() < KILL && matches!(self.process.lock().try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        let mut child = self.process.lock();
        // It may have ended.
        let _ = child.kill();
        let _ = child.wait();
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
