//! What the index and the peers are compared with: Redis, nginx, another P2P-CI server, and the
//! ceiling, which is a thread for each connection that does nothing but answer.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::common::programs::{self, PATIENCE, Program};

/// A server that is compared: it runs until this is dropped.
pub(crate) struct Anchor {
    pub(crate) address: SocketAddr,
    program: Program,
    _folder: Option<TempDir>,
}

impl Anchor {
    /// Redis with its default settings, but without a copy on disk.
    pub(crate) fn redis() -> io::Result<Self> {
        let address = free_address()?;
        let folder = tempfile::tempdir()?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"]);
        command.args(["--save", "", "--appendonly", "no"]).current_dir(folder.path());
        Self::listening(command, address, Some(folder))
    }

    /// nginx with `sendfile`, and without a log, in front of a folder.
    pub(crate) fn nginx(root: &Path) -> io::Result<Self> {
        let address = free_address()?;
        let folder = tempfile::tempdir()?;
        let configuration = format!(
            "daemon off; pid {place}/pid; error_log {place}/error; worker_processes auto; {user}\n\
             events {{ worker_connections 2048; }}\n\
             http {{ sendfile on; access_log off; default_type text/plain;\n\
             client_body_temp_path {place}/b; proxy_temp_path {place}/p;\n\
             fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n\
             server {{ listen {address}; root {root}; }} }}\n",
            place = folder.path().display(),
            // As root it would read files as somebody else, who may not.
            user = if rustix::process::geteuid().is_root() { "user root;" } else { "" },
            root = root.display(),
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration)?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&file).arg("-p").arg(folder.path());
        Self::listening(command, address, Some(folder))
    }

    /// Reads until each empty line and answers with `reply`, a thread for each connection.
    pub(crate) fn ceiling(reply: &str) -> io::Result<Self> {
        let mut command = programs::command("ceiling")?;
        command.arg(reply);
        Self::naming_itself(command)
    }

    /// Writes so many bytes in pieces of 64 KiB for each request.
    pub(crate) fn writer(bytes: u64) -> io::Result<Self> {
        let mut command = programs::command("writer")?;
        command.arg(bytes.to_string());
        Self::naming_itself(command)
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    fn naming_itself(command: Command) -> io::Result<Self> {
        let mut program = Program::start(command)?;
        let line = program.line()?;
        let address = line.parse().map_err(|_| io::Error::other(format!("found `{line}`")))?;
        Ok(Self { address, program, _folder: None })
    }

    fn listening(
        command: Command,
        address: SocketAddr,
        folder: Option<TempDir>,
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
        Ok(Self { address, program, _folder: folder })
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        // nginx ends its workers itself; killed, it would leave them behind. Whatever does not end
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

/// An address that nobody listens at. Somebody else might take it before it is used.
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
    println!("{}", listener.local_addr()?);
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
