//! Real programs on port 0, and sockets to talk to them. Every wait has an end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(clippy::print_stdout, reason = "what is skipped")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod holders;

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Reports that a test cannot run because a tool is missing. CI installs all tools, so there it is
/// a failure.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "CI must install what the tests need: {reason}");
    println!("skipped: {reason}");
}

/// A program that runs until the test is over.
pub struct Program {
    child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl Program {
    pub fn start(path: &str, arguments: &[&str], folder: &Path) -> Self {
        Self::of(spawn(path, arguments, folder, None))
    }

    /// The same with a folder in which it remembers what it has done.
    pub fn start_again(path: &str, arguments: &[&str], state: &Path, folder: &Path) -> Self {
        Self::of(spawn(path, arguments, folder, Some(state)))
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

/// Starts a program in a folder, with pipes, and without what this machine's user has stored.
fn spawn(path: &str, arguments: &[&str], folder: &Path, state: Option<&Path>) -> Child {
    let own = state_folder();
    let state = state.unwrap_or(&own);
    Command::new(path)
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .env("XDG_CACHE_HOME", state)
        .env("XDG_STATE_HOME", state)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A folder of its own for each program: what one remembers of its neighbours must not matter to
/// the next, which may meet others at the same ports; and the digests of all tests that ever ran
/// took more than a second to read.
fn state_folder() -> PathBuf {
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

/// An index server.
pub struct Index {
    pub program: Program,
    pub address: SocketAddr,
}

impl Index {
    pub fn start(arguments: &[&str]) -> Self {
        let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
        let program = Program::start(env!("CARGO_BIN_EXE_server"), &arguments, Path::new("."));
        let line = program.line();
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { program, address }
    }

    pub fn connect(&self) -> Talk {
        Talk::to(self.address)
    }

    /// What a list says now.
    pub fn list(&self) -> Vec<String> {
        let mut talk = self.connect();
        talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        let mut reply = talk.reply();
        reply.drain(..2);
        reply
    }

    /// Asks again and again until a list has so many records.
    pub fn wait_for_records(&self, count: usize) -> Duration {
        let start = Instant::now();
        while self.list().len() != count {
            assert!(start.elapsed() < PATIENCE, "{:?} instead of {count}", self.list());
            thread::yield_now();
        }
        start.elapsed()
    }

    /// Waits until the index knows the digests that so many holders have of a document.
    pub fn wait_for_digests(&self, document: &str, holders: usize) {
        let begun = Instant::now();
        loop {
            let mut talk = self.connect();
            talk.say(format!(
                "LOOKUP {document} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n"
            ));
            let digests = talk.reply().iter().filter(|line| line.starts_with("Digest:")).count();
            if digests == holders {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{digests} digests of {document} instead of {holders}"
            );
            thread::yield_now();
        }
    }
}

/// Starts a peer in a folder.
pub fn peer(index: SocketAddr, arguments: &[&str], folder: &Path) -> Program {
    let index = index.to_string();
    let arguments = [&[index.as_str()], arguments].concat();
    Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, folder)
}

/// Starts a peer that shares a folder, and waits until it is registered; returns its port.
pub fn share(index: SocketAddr, folder: &Path) -> (Program, u16) {
    let program = peer(index, &["--share", ".", "--upload", "127.0.0.1:0", "share"], folder);
    let line = program.line();
    let port = line.rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(program.line().starts_with("registered "));
    (program, port)
}

/// Runs a peer to its end: exit code, standard output, standard error.
pub fn run_peer(arguments: &[&str], input: &str, folder: &Path) -> (i32, String, String) {
    let child = spawn(env!("CARGO_BIN_EXE_peer"), arguments, folder, None);
    run(child, input)
}

/// The same with a folder in which it remembers what it has done.
pub fn run_peer_again(arguments: &[&str], state: &Path, folder: &Path) -> (i32, String, String) {
    run(spawn(env!("CARGO_BIN_EXE_peer"), arguments, folder, Some(state)), "")
}

fn run(mut child: Child, input: &str) -> (i32, String, String) {
    // A program that does not read its input may have closed it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A connection of a person with netcat.
pub struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(text.as_ref()).unwrap();
    }

    /// The next line, without its line end, which must be CRLF.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.stream.read_line(&mut line).unwrap();
        if count == 0 {
            return None;
        }
        Some(line.strip_suffix("\r\n").expect("CRLF").to_string())
    }

    /// The lines of a reply, without the last empty line.
    pub fn reply(&mut self) -> Vec<String> {
        let status = self.line().expect("a reply");
        let found = status.contains(" 200 ");
        let mut lines = vec![status];
        if found {
            lines.push(self.line().expect("an empty line"));
        }
        loop {
            match self.line().expect("the rest of the reply") {
                line if line.is_empty() => return lines,
                line => lines.push(line),
            }
        }
    }

    /// Adds a record and checks the reply.
    pub fn add(&mut self, number: u32, title: &str, host: &str, port: u16) {
        self.say(format!(
            "ADD RFC {number} P2P-CI/1.0\r\nHost: {host}\r\nPort: {port}\r\nTitle: {title}\r\n\r\n"
        ));
        assert_eq!(self.reply()[2], format!("RFC {number} {title} {host} {port}"));
    }

    /// Whether the other side has closed. What comes before that is thrown away. Who closes over
    /// bytes that it has not read resets the connection.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read_to_end(&mut Vec::new()) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Whether something can be read now, the end of the connection included.
    pub fn has_arrived(&mut self) -> bool {
        if !self.stream.buffer().is_empty() {
            return true;
        }
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Everything until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Ends the writing half.
    pub fn finish(&mut self) {
        self.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    }
}

/// A folder with these files.
pub fn folder(root: &Path, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = root.join(name);
    fs::create_dir(&folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    folder
}

/// The names of what is in a folder, hidden files included.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
