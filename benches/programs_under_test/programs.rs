//! The programs that are measured or attacked, and what the system reports about them.

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

/// Longer than any program takes to begin or end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running program, killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    errors: Arc<Mutex<String>>,
}

/// The command that starts `server`, `peer`, or a program that is part of this one.
pub(crate) fn command(name: &str) -> io::Result<Command> {
    let mut command = match name {
        "server" => Command::new(env!("CARGO_BIN_EXE_server")),
        "peer" => Command::new(env!("CARGO_BIN_EXE_peer")),
        _ => {
            let mut command = Command::new(env::current_exe()?);
            command.arg0(name);
            command
        }
    };
    command.env_remove("RUST_LOG");
    Ok(command)
}

impl Program {
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        let output = BufReader::new(child.stdout.take().ok_or_else(missing)?);
        let mut stream = child.stderr.take().ok_or_else(missing)?;
        let errors = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&errors);
        thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(count @ 1..) = stream.read(&mut chunk) {
                let text = String::from_utf8_lossy(&chunk[..count]);
                seen.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
            }
        });
        Ok(Self { child, output, errors })
    }

    /// The next line of its standard output.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            let errors = self.errors();
            return Err(io::Error::other(format!("expected a line, found the end; {errors}")));
        }
        Ok(line.trim_end().into())
    }

    /// Its standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it writes this to standard error, or has: what was written a moment ago may still be
    /// in the pipe.
    pub(crate) fn says(&self, text: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !self.errors().contains(text) {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        let id = Pid::from_raw(id).ok_or_else(|| io::Error::other("no process"))?;
        Ok(kill_process(id, signal)?)
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE * 2;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(io::Error::other("the program does not end"));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn usage(&self) -> io::Result<Usage> {
        usage(self.child.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The resources that a process uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Bytes of memory.
    pub(crate) memory: u64,
    pub(crate) threads: usize,
    pub(crate) files: usize,
    /// Seconds of processor time until now.
    pub(crate) processor: f64,
}

fn usage(id: u32) -> io::Result<Usage> {
    let directory = format!("/proc/{id}");
    let status = fs::read_to_string(format!("{directory}/status"))?;
    let number = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let stat = fs::read_to_string(format!("{directory}/stat"))?;
    // After the name in brackets: the 14th and 15th field are ticks, a hundred a second.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok());
    Ok(Usage {
        memory: number("VmRSS:") * 1024,
        threads: number("Threads:") as usize,
        files: fs::read_dir(format!("{directory}/fd"))?.count(),
        processor: (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0,
    })
}

/// An index: started here, or somewhere else.
pub(crate) struct Index {
    pub(crate) address: SocketAddr,
    program: Option<Program>,
}

impl Index {
    /// The target, or an index that says nothing.
    pub(crate) fn start(target: Option<SocketAddr>) -> io::Result<Self> {
        match target {
            Some(address) => Ok(Self { address, program: None }),
            None => Self::with(&["--log", "quiet"]),
        }
    }

    /// One that is started for this case.
    pub(crate) fn with(arguments: &[&str]) -> io::Result<Self> {
        let mut command = command("server")?;
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        Self::of(Program::start(command)?)
    }

    pub(crate) fn of(mut program: Program) -> io::Result<Self> {
        let line = program.line()?;
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| io::Error::other(format!("found `{line}`")))?;
        Ok(Self { address, program: Some(program) })
    }

    /// The program, which a case needs that cannot do with a target.
    pub(crate) fn program(&mut self) -> io::Result<&mut Program> {
        self.program.as_mut().ok_or_else(|| io::Error::other("this case needs no --target"))
    }

    /// Nothing of a target.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.program.as_ref().and_then(|program| program.usage().ok())
    }
}

/// A peer that shares a directory.
pub(crate) struct Peer {
    pub(crate) program: Program,
    pub(crate) upload: SocketAddr,
}

/// Where the peers of this process remember what they do.
fn state() -> PathBuf {
    env::temp_dir().join(format!("p2p-ci-trial-{}", std::process::id()))
}

/// Removes what the peers of this process have remembered, when all of them have ended.
pub(crate) fn remove_state() {
    // It does not exist if no peer was started.
    let _ = fs::remove_dir_all(state());
}

/// The command of a peer that works in a directory.
pub(crate) fn peer_command(
    index: &str,
    directory: &Path,
    arguments: &[&str],
) -> io::Result<Command> {
    let mut command = command("peer")?;
    command.arg(index).args(["--share", "."]).args(arguments).current_dir(directory);
    command.env("XDG_STATE_HOME", state()).env("XDG_CACHE_HOME", state());
    Ok(command)
}

impl Peer {
    pub(crate) fn share(
        index: SocketAddr,
        directory: &Path,
        arguments: &[&str],
    ) -> io::Result<Self> {
        let arguments = [&["--upload", "127.0.0.1:0"], arguments, &["share"]].concat();
        Self::of(Program::start(peer_command(&index.to_string(), directory, &arguments)?)?)
    }

    /// The same without a line in the log for each upload.
    pub(crate) fn share_quietly(index: SocketAddr, directory: &Path) -> io::Result<Self> {
        let arguments = ["--upload", "127.0.0.1:0", "share"];
        let mut command = peer_command(&index.to_string(), directory, &arguments)?;
        command.env("RUST_LOG", "warn");
        Self::of(Program::start(command)?)
    }

    fn of(mut program: Program) -> io::Result<Self> {
        let line = program.line()?;
        let upload = line.strip_prefix("uploading from ").and_then(|address| address.parse().ok());
        let upload = upload.ok_or_else(|| io::Error::other(format!("found `{line}`")))?;
        program.line()?;
        Ok(Self { program, upload })
    }
}

/// As many open files as this user may have.
pub(crate) fn raise_limits() {
    const WANTED: u64 = 100_000;
    let limit = getrlimit(Resource::Nofile);
    let more = Rlimit { current: Some(WANTED), maximum: Some(WANTED) };
    // Only root may raise the upper limit.
    if limit.maximum.is_some_and(|most| most < WANTED) && setrlimit(Resource::Nofile, more).is_err()
    {
        let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
        let _ = setrlimit(Resource::Nofile, most);
    }
}
