//! Programs that run until their test is over.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use super::PATIENCE;

/// A program that runs until the test is over.
pub struct Program {
    child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl Program {
    pub fn start(path: &str, arguments: &[&str], directory: &Path) -> Self {
        Self::of(spawn(path, arguments, directory, None))
    }

    /// The same with a directory in which it remembers what it has done.
    pub fn start_again(path: &str, arguments: &[&str], state: &Path, directory: &Path) -> Self {
        Self::of(spawn(path, arguments, directory, Some(state)))
    }

    /// The same in a directory in which it also creates its temporary directories.
    pub fn start_in(path: &str, arguments: &[&str], directory: &Path) -> Self {
        let mut command = command(path, arguments, directory, None);
        Self::of(command.env("TMPDIR", directory).spawn().unwrap())
    }

    fn of(mut child: Child) -> Self {
        let output = lines(child.stdout.take().unwrap());
        let errors = lines(child.stderr.take().unwrap());
        Self { child, output, errors }
    }

    /// The next line of standard output.
    pub fn line(&self) -> String {
        self.output.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            let errors: Vec<String> = self.errors.try_iter().collect();
            panic!("no line on standard output, {error}; on standard error {errors:#?}")
        })
    }

    /// The rest of standard output, when the program has ended.
    pub fn rest(&self) -> Vec<String> {
        self.output.iter().collect()
    }

    /// Reads standard error until a line holds `part`.
    pub fn error_with(&self, part: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(line) = self.errors.recv_timeout(PATIENCE) {
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with {part:?} on standard error, but {seen:#?}");
    }

    /// Reads standard error until a line holds `part`; no line before it may hold `unwanted`.
    pub fn without(&self, part: &str, unwanted: &str) {
        while let Ok(line) = self.errors.recv_timeout(PATIENCE) {
            assert!(!line.contains(unwanted), "{line}");
            if line.contains(part) {
                return;
            }
        }
        panic!("no line with {part:?} on standard error");
    }

    /// All of standard error, when the program has ended.
    pub fn errors(&self) -> Vec<String> {
        self.errors.iter().collect()
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ends standard input and waits for the end of the program.
    pub fn end_input(&mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.wait()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(sent.success());
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::yield_now();
        }
    }
}

/// A configuration without keys: that of this machine does not matter.
const NO_FILE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// Starts a program in a directory, with pipes, and without what this machine's user has stored.
fn spawn(path: &str, arguments: &[&str], directory: &Path, state: Option<&Path>) -> Child {
    command(path, arguments, directory, state).spawn().unwrap()
}

fn command(path: &str, arguments: &[&str], directory: &Path, state: Option<&Path>) -> Command {
    let own = state_directory();
    let state = state.unwrap_or(&own);
    let mut command = Command::new(path);
    command
        .args(arguments)
        .current_dir(directory)
        .env_remove("RUST_LOG")
        .env("P2P_CI_CONFIG", NO_FILE)
        .env("XDG_CACHE_HOME", state)
        .env("XDG_STATE_HOME", state)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A directory of its own for each program: the stored statistics of one must not matter to
/// the next, which may meet others at the same ports; and the digests of all tests that ever ran
/// took more than a second to read.
fn state_directory() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("state/{}-{number}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Starts a peer in a directory.
pub fn peer(index: SocketAddr, arguments: &[&str], directory: &Path) -> Program {
    let index = index.to_string();
    let arguments = [&[index.as_str()], arguments].concat();
    Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, directory)
}

/// Starts a peer that shares a directory, and waits until it is registered; returns its port.
pub fn share(index: SocketAddr, directory: &Path) -> (Program, u16) {
    let program = peer(index, &["--share", ".", "--upload", "127.0.0.1:0", "share"], directory);
    let line = program.line();
    let port = line.rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(program.line().starts_with("registered "));
    (program, port)
}

/// Runs a peer to its end: exit code, standard output, standard error.
pub fn run_peer(arguments: &[&str], input: &str, directory: &Path) -> (i32, String, String) {
    let child = spawn(env!("CARGO_BIN_EXE_peer"), arguments, directory, None);
    run(child, input)
}

/// The same with a directory in which it remembers what it has done.
pub fn run_peer_again(arguments: &[&str], state: &Path, directory: &Path) -> (i32, String, String) {
    run_peer_with_input(arguments, "", state, directory)
}

/// The same with what is typed.
pub fn run_peer_with_input(
    arguments: &[&str],
    input: &str,
    state: &Path,
    directory: &Path,
) -> (i32, String, String) {
    run(spawn(env!("CARGO_BIN_EXE_peer"), arguments, directory, Some(state)), input)
}

fn run(mut child: Child, input: &str) -> (i32, String, String) {
    // A program that does not read its input may have closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The only child of a process.
pub fn child_of(process: u32) -> String {
    let parent = process.to_string();
    let is_child = |id: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // After the name in brackets: the state, and the parent.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        fields.split_whitespace().nth(1) == Some(&*parent)
    };
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut ids = processes.map(|process| process.unwrap().file_name().into_string().unwrap());
    ids.find(is_child).unwrap()
}
