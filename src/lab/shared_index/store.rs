//! The store of a laboratory: a Redis or Valkey of its own, on a Unix socket, without a file.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::limits;

/// The programs that are tried, in this order.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// Becomes the program of its arguments. A second process of the group waits for the end of standard input, which
/// comes when the laboratory ends, also if that is killed, and then kills the group.
const SCRIPT: &str = r#"exec 3<&0
{ read -r end <&3; kill -KILL 0; } &
exec "$@" 3<&- </dev/null"#;
/// How often it is checked whether it accepts connections.
const POLL: Duration = Duration::from_millis(20);

/// A store, which ends when it is dropped, or when this process ends.
#[derive(Debug)]
pub(in crate::lab) struct Store {
    process: Arc<Process>,
    socket: PathBuf,
    program: &'static str,
}

#[derive(Debug)]
struct Process(Mutex<Child>);

impl Store {
    /// Starts one, whose socket is in this directory.
    ///
    /// # Errors
    /// When neither program is installed, or it does not accept connections.
    pub(in crate::lab) fn start(directory: &Path) -> io::Result<Self> {
        let socket = directory.join("store");
        let address = SockAddr::unix(&socket)?;
        let (program, child) = spawn(&socket, directory)?;
        let store = Self { process: Arc::new(Process(Mutex::new(child))), socket, program };
        let begun = Instant::now();
        loop {
            let connected = Socket::new(Domain::UNIX, Type::STREAM, None)?.connect(&address);
            let Err(error) = connected else { return Ok(store) };
            if let Some(status) = store.process.lock_status()? {
                return Err(io::Error::other(format!("`{program}` has ended: {status}")));
            }
            if begun.elapsed() > limits::LAB_STORE_START {
                let text = format!("`{program}` does not accept connections: {error}");
                return Err(io::Error::new(error.kind(), text));
            }
            thread::sleep(POLL);
        }
    }

    /// Its socket.
    pub(in crate::lab) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// With the program, and how it has ended.
    pub(in crate::lab) fn check(&self) -> Result<(), String> {
        match self.process.lock_status() {
            Ok(Some(status)) => Err(format!(
                "the store of the index servers, `{}`, has ended: {status}",
                self.program
            )),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// A function that ends it, if it has not ended.
    pub(in crate::lab) fn ending(&self) -> impl FnOnce() + Send + use<> {
        let process = Arc::downgrade(&self.process);
        move || {
            if let Some(process) = process.upgrade() {
                process.end();
            }
        }
    }
}

impl Process {
    fn lock_status(&self) -> io::Result<Option<std::process::ExitStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_wait()
    }

    fn end(&self) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The process that waits for the end of its input ends, too.
        drop(child.stdin.take());
        // It may have ended.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(socket: &Path, directory: &Path) -> io::Result<(&'static str, Child)> {
    let program = installed()?;
    let spawned = Command::new("sh")
        .args(["-c", SCRIPT, "sh", program])
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocketperm", "700"])
        .arg("--unixsocket")
        .arg(socket)
        .current_dir(directory)
        // Ctrl-C ends this program, which then ends the store.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    spawned.map(|child| (program, child)).map_err(|error| not_started(program, &error))
}

/// The first of the programs that is installed.
fn installed() -> io::Result<&'static str> {
    for program in PROGRAMS {
        let run = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        match run {
            Ok(_) => return Ok(program),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(not_started(program, &error)),
        }
    }
    let text = "the index servers of this scenario share a store, and neither `redis-server` nor `valkey-server` \
                was found: install one of them (7.0 or later)";
    Err(io::Error::new(io::ErrorKind::NotFound, text))
}

fn not_started(program: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot start `{program}`: {error}"))
}
