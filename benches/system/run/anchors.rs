//! Programs with which the index and the peers are compared: Redis, nginx, another P2P-CI server, and the
//! ceiling, which is a thread for each connection that does nothing but answer.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::common::output::print_line;
use crate::common::programs::{self, PATIENCE, Program};
use crate::run::samples::median;

/// A server that is compared: it runs until this is dropped.
pub(crate) struct Anchor {
    /// The program and its configuration, as a row names them.
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    program: Program,
    _directory: Option<TempDir>,
}

impl Anchor {
    /// Redis without a copy on disk: as it is, and with threads that read and write for it.
    pub(crate) fn redis() -> io::Result<Vec<Self>> {
        let threads = thread::available_parallelism()?.get().clamp(2, 8).to_string();
        let io_threads = ["--io-threads", &threads, "--io-threads-do-reads", "yes"];
        let configurations = [("Redis", &[][..]), ("Redis with io-threads", &io_threads[..])];
        let start = |(name, more): (&'static str, &[&str])| {
            let address = free_address()?;
            let directory = tempfile::tempdir()?;
            let mut command = Command::new("redis-server");
            command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"]);
            command.args(["--save", "", "--appendonly", "no"]).args(more);
            command.current_dir(directory.path());
            Self::listening(name, command, address, Some(directory))
        };
        configurations.into_iter().map(start).collect()
    }

    /// nginx with `sendfile`, and without a log, in front of a directory: with one listener for all
    /// workers, and with one for each and heads that leave together with the file.
    pub(crate) fn nginx(root: &Path) -> io::Result<Vec<Self>> {
        let configurations = [
            ("nginx", "", ""),
            ("nginx with reuseport, tcp_nopush", "tcp_nopush on;", "reuseport"),
        ];
        let start = |(name, http, listen)| Self::one_nginx(name, root, http, listen);
        configurations.into_iter().map(start).collect()
    }

    fn one_nginx(name: &'static str, root: &Path, http: &str, listen: &str) -> io::Result<Self> {
        let address = free_address()?;
        let directory = tempfile::tempdir()?;
        let configuration = format!(
            "daemon off; pid {place}/pid; error_log {place}/error; worker_processes auto; {user}\n\
             events {{ worker_connections 2048; }}\n\
             http {{ sendfile on; {http} access_log off; default_type text/plain;\n\
             client_body_temp_path {place}/b; proxy_temp_path {place}/p;\n\
             fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n\
             server {{ listen {address} {listen}; root {root}; }} }}\n",
            place = directory.path().display(),
            // As root it would read files as another user, without the permission.
            user = if rustix::process::geteuid().is_root() { "user root;" } else { "" },
            root = root.display(),
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&file).arg("-p").arg(directory.path());
        Self::listening(name, command, address, Some(directory))
    }

    /// Reads until each empty line and answers with `reply`, a thread for each connection.
    pub(crate) fn ceiling(reply: &str) -> io::Result<Self> {
        let mut command = programs::command("ceiling")?;
        command.arg(reply);
        Self::naming_itself("the ceiling", command)
    }

    /// Writes this number of bytes in pieces of 64 KiB for each request.
    pub(crate) fn writer(bytes: u64) -> io::Result<Self> {
        let mut command = programs::command("writer")?;
        command.arg(bytes.to_string());
        Self::naming_itself("a writer", command)
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    fn naming_itself(name: &'static str, command: Command) -> io::Result<Self> {
        let mut program = Program::start(command)?;
        let line = program.line()?;
        let address = line.parse().map_err(|_| io::Error::other(format!("found `{line}`")))?;
        Ok(Self { name, address, program, _directory: None })
    }

    fn listening(
        name: &'static str,
        command: Command,
        address: SocketAddr,
        directory: Option<TempDir>,
    ) -> io::Result<Self> {
        let program = Program::start(command)?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                let errors = program.errors();
                return Err(io::Error::other(format!("it does not listen: {errors}")));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { name, address, program, _directory: directory })
    }
}

/// Figures of one program in its configurations, a round after the other.
#[derive(Default)]
pub(crate) struct Rounds(Vec<(&'static str, Vec<f64>)>);

impl Rounds {
    pub(crate) fn push(&mut self, name: &'static str, figure: f64) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, figures)) => figures.push(figure),
            None => self.0.push((name, vec![figure])),
        }
    }

    /// The configuration that did best, where more is better; nothing without any.
    pub(crate) fn highest(self) -> Option<(&'static str, Vec<f64>)> {
        self.0.into_iter().max_by(|(_, one), (_, other)| median(one).total_cmp(&median(other)))
    }

    /// The same where less is better.
    pub(crate) fn lowest(self) -> Option<(&'static str, Vec<f64>)> {
        self.0.into_iter().min_by(|(_, one), (_, other)| median(one).total_cmp(&median(other)))
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        // nginx ends its workers itself; a killed nginx would leave them running. A program that does not end
        // is killed with the program.
        let _ = self.program.signal(Signal::TERM);
        let _ = self.program.wait();
    }
}

/// Whether a program can be started: those that are compared may not be installed.
pub(crate) fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Some do not know the option; that they run is enough.
    command.status().is_ok()
}

/// An address without a listener. Another program might take it before it is used.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The program as which this one was started, if it is one of those.
pub(crate) fn run_as(name: &str) -> Option<ExitCode> {
    let argument = env::args().nth(1).unwrap_or_default();
    let outcome = match name {
        "ceiling" => serve(move |stream| answer(stream, argument.as_bytes())),
        "writer" => serve(move |stream| write(stream, argument.parse().unwrap_or(0))),
        _ => return None,
    };
    Some(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn serve(handle: impl Fn(&TcpStream) -> io::Result<()> + Send + Sync) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    print_line(format_args!("{}", listener.local_addr()?));
    thread::scope(|scope| {
        for stream in listener.incoming() {
            let stream = stream?;
            stream.set_nodelay(true)?;
            let handle = &handle;
            // A connection that is cut is no matter of the others.
            scope.spawn(move || handle(&stream));
        }
        Ok(())
    })
}

fn answer(mut stream: &TcpStream, reply: &[u8]) -> io::Result<()> {
    let mut input = Vec::with_capacity(64 * 1024);
    let mut output = Vec::new();
    loop {
        let filled = input.len();
        input.resize(filled + 8 * 1024, 0);
        let count = stream.read(&mut input[filled..])?;
        if count == 0 {
            return Ok(());
        }
        input.truncate(filled + count);
        let mut used = 0;
        while let Some(end) = input[used..].windows(4).position(|four| four == b"\r\n\r\n") {
            used += end + 4;
            output.extend_from_slice(reply);
        }
        input.drain(..used);
        stream.write_all(&output)?;
        output.clear();
    }
}

fn write(mut stream: &TcpStream, bytes: u64) -> io::Result<()> {
    let piece = vec![b'x'; 64 * 1024];
    while stream.read(&mut [0; 1024])? > 0 {
        let mut left = bytes;
        while left > 0 {
            let count = left.min(piece.len() as u64);
            stream.write_all(&piece[..count as usize])?;
            left -= count;
        }
    }
    Ok(())
}
