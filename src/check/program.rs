//! A program under test that this program starts: its process group, its input and its output.
//!
//! No shell reads the command. The whole process group is killed when the program has ended, when the
//! [`Program`] is dropped, and by [`kill_all`]. A process that leaves the group is not,
//! unless it is the one that was started: [`Launch::sweep`] ends the others.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::system::{has_ended, kill_group, start_group};

/// Bytes of the output that are kept: the last ones.
const KEPT: usize = 64 * 1024;
/// Bytes that may be typed. A pipe has room for them, so typing never waits for the program.
const TYPED: usize = 16 * 1024;
/// Interval at which a program is checked for its end.
const POLL: Duration = Duration::from_millis(10);

/// How a program is started.
#[derive(Clone)]
pub(crate) struct Launch {
    /// Words before the command: a program that starts it with limits, and its arguments.
    pub(crate) prefix: Vec<String>,
    /// The command: its first word is the program.
    pub(crate) words: Vec<String>,
    /// Its current directory; `None`: that of this process.
    pub(crate) directory: Option<PathBuf>,
    /// Counts the bytes of its output, also those that are not kept.
    pub(crate) written: Arc<AtomicU64>,
    /// Ends what is left of the last instance, before another one is started and at the end. An error says why
    /// none may be started.
    pub(crate) sweep: Arc<dyn Fn() -> io::Result<()> + Send + Sync>,
}

/// A running program.
pub(crate) struct Program {
    child: Arc<Mutex<Running>>,
    input: Option<ChildStdin>,
    typed: usize,
    output: Arc<Mutex<Output>>,
}

/// The process. It is waited for exactly once, after its group was killed.
struct Running {
    child: Child,
    ended: Option<io::Result<ExitStatus>>,
}

#[derive(Default)]
struct Output {
    kept: Vec<u8>,
    written: Arc<AtomicU64>,
    /// When bytes last arrived.
    last: Option<Instant>,
}

/// All programs that may be running.
static STARTED: Mutex<Vec<Arc<Mutex<Running>>>> = Mutex::new(Vec::new());

impl Program {
    /// Starts a program.
    ///
    /// # Errors
    /// When there is no such program, or the system cannot start it.
    pub(crate) fn start(launch: &Launch) -> io::Result<Self> {
        (launch.sweep)()?;
        let mut words = launch.prefix.iter().chain(&launch.words);
        let program = words.next().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the command has no words")
        })?;
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // Output of a Python program is otherwise delayed until it ends.
        command.env("PYTHONUNBUFFERED", "1");
        if let Some(directory) = &launch.directory {
            command.current_dir(directory);
        }
        let mut started = lock(&STARTED);
        let mut child = start_group(&mut command)?;
        let (input, outputs) = (child.stdin.take(), (child.stdout.take(), child.stderr.take()));
        let child = Arc::new(Mutex::new(Running { child, ended: None }));
        started.retain(|one| Arc::strong_count(one) > 1);
        started.push(Arc::clone(&child));
        drop(started);
        // From here on the group is killed if something fails.
        let output = Output { written: Arc::clone(&launch.written), ..Output::default() };
        let output = Arc::new(Mutex::new(output));
        let program = Self { child, input, typed: 0, output };
        program.collect(outputs.0)?;
        program.collect(outputs.1)?;
        Ok(program)
    }

    /// Types text, which has the ends of its lines. Returns whether the program may read it.
    pub(crate) fn feed(&mut self, text: &str) -> bool {
        self.typed = self.typed.saturating_add(text.len());
        let is_within = self.typed <= TYPED;
        let input = self.input.as_mut().filter(|_| is_within);
        input.is_some_and(|input| input.write_all(text.as_bytes()).is_ok())
    }

    /// Ends the input.
    pub(crate) fn end_input(&mut self) {
        self.input = None;
    }

    /// The output until now, of both streams as it arrived: its last 64 KiB.
    pub(crate) fn output(&self) -> Vec<u8> {
        lock(&self.output).kept.clone()
    }

    /// Waits until the program has written nothing for `quiet`, or the deadline has passed.
    pub(crate) fn wait_for_quiet(&self, quiet: Duration, deadline: Instant) {
        let begun = Instant::now();
        loop {
            let now = Instant::now();
            let last = lock(&self.output).last.map_or(begun, |last| last.max(begun));
            if now >= deadline || now.saturating_duration_since(last) >= quiet {
                return;
            }
            thread::sleep(POLL);
        }
    }

    /// Whether the program has ended.
    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.child).has_ended()
    }

    /// Waits until the program has ended, or the deadline has passed. What remains of its group is killed
    /// when it has ended.
    ///
    /// # Errors
    /// When the system does not say how it has ended.
    pub(crate) fn wait(&self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        while !self.has_ended() {
            if Instant::now() >= deadline {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
        lock(&self.child).kill().map(Some)
    }

    /// Kills the whole group.
    pub(crate) fn kill(&mut self) {
        self.end_input();
        // Its status does not matter.
        let _ = lock(&self.child).kill();
    }

    /// Collects a stream in a thread, which ends with the last process that has the stream open.
    fn collect(&self, stream: Option<impl Read + Send + 'static>) -> io::Result<()> {
        let Some(mut stream) = stream else { return Ok(()) };
        let output = Arc::clone(&self.output);
        let read = move || {
            let mut buffer = [0; 4096];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(count) => lock(&output).add(buffer.get(..count).unwrap_or_default()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
            }
        };
        thread::Builder::new().name("program".into()).spawn(read).map(drop)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("typed", &self.typed).finish_non_exhaustive()
    }
}

/// Kills the groups of all programs that were started. For a signal that ends this program. No program
/// is started afterwards.
pub(crate) fn kill_all() {
    let started = lock(&STARTED);
    for one in started.iter() {
        let _ = lock(one).kill();
    }
    // The lock is never released: starting another program waits until this one has exited.
    std::mem::forget(started);
}

/// Whether a process is that of a program for whose end this process waits.
#[cfg(target_os = "linux")]
pub(crate) fn is_awaited(id: u32) -> bool {
    let started = lock(&STARTED);
    started.iter().any(|one| {
        let running = lock(one);
        running.ended.is_none() && running.child.id() == id
    })
}

impl Launch {
    /// Starts the command in the directory of this process.
    pub(crate) fn of(words: Vec<String>) -> Self {
        let (prefix, written) = (Vec::new(), Arc::default());
        Self { prefix, words, directory: None, written, sweep: Arc::new(|| Ok(())) }
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").field("words", &self.words).finish_non_exhaustive()
    }
}

impl Running {
    fn has_ended(&mut self) -> bool {
        self.ended.is_some() || has_ended(&mut self.child)
    }

    /// Kills the group, and waits for its leader.
    fn kill(&mut self) -> io::Result<ExitStatus> {
        if self.ended.is_none() {
            kill_group(&mut self.child);
            self.ended = Some(self.child.wait());
        }
        match &self.ended {
            Some(Ok(status)) => Ok(*status),
            _ => Err(io::Error::other("the system does not say how the program has ended")),
        }
    }
}

impl Output {
    fn add(&mut self, bytes: &[u8]) {
        self.last = Some(Instant::now());
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.kept.extend_from_slice(bytes);
        let surplus = self.kept.len().saturating_sub(KEPT);
        if surplus > KEPT {
            // Seldom, because it moves the rest.
            self.kept.drain(..surplus);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
