//! The store of a cluster, and the servers that use it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::programs::{Index, PATIENCE, Program};

/// A Redis on a Unix socket, which keeps nothing on disk.
pub(crate) struct Store {
    pub(crate) program: Program,
    directory: TempDir,
}

impl Store {
    pub(crate) fn start() -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "s"]);
        command.current_dir(directory.path());
        let store = Self { program: Program::start(command)?, directory };
        let begun = Instant::now();
        while store.ask("PING\r\n").is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("redis-server does not reply"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(store)
    }

    /// A server of the cluster. It has found its store when it returns.
    pub(crate) fn server(&self) -> io::Result<Index> {
        let url = format!("redis+unix://{}", self.socket().display());
        Index::with(&["--log", "quiet", "--cluster", &url])
    }

    /// Bytes of all that it stores.
    pub(crate) fn bytes(&self) -> io::Result<u64> {
        let info = self.ask("INFO memory\r\n")?;
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        let missing = || io::Error::other(format!("expected `used_memory` in {info}"));
        line.and_then(|bytes| bytes.trim().parse().ok()).ok_or_else(missing)
    }

    /// Bytes of the stream of changes, which has a largest length.
    pub(crate) fn stream_bytes(&self) -> io::Result<u64> {
        let reply = self.ask("MEMORY USAGE {p2pci}:changes SAMPLES 0\r\n")?;
        let bytes = reply.trim().trim_start_matches(':').parse();
        bytes.map_err(|_| io::Error::other(format!("expected a number, found {reply}")))
    }

    fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.write_all(command.as_bytes())?;
        let mut reply = vec![0; 64 * 1024];
        let count = stream.read(&mut reply)?;
        reply.truncate(count);
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }
}
