//! The store of a laboratory: a Redis or Valkey of its own, on a Unix socket, without a file.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::limits;

/// The programs that are tried, in this order.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// How often it is checked whether it accepts connections.
const POLL: Duration = Duration::from_millis(20);

/// A store, which ends when it is dropped.
#[derive(Debug)]
pub(in crate::lab) struct Store {
    process: Arc<Process>,
    socket: PathBuf,
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
        let store = Self { process: Arc::new(Process(Mutex::new(child))), socket };
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
    for program in PROGRAMS {
        let spawned = Command::new(program)
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocketperm", "700"])
            .arg("--unixsocket")
            .arg(socket)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match spawned {
            Ok(child) => return Ok((program, child)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let text = format!("cannot start `{program}`: {error}");
                return Err(io::Error::new(error.kind(), text));
            }
        }
    }
    let text = "the index servers of this scenario share a store, and neither `redis-server` nor `valkey-server` \
                was found: install one of them (7.0 or later)";
    Err(io::Error::new(io::ErrorKind::NotFound, text))
}
