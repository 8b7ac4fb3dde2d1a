//! A Redis server of a test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use tempfile::TempDir;

use crate::common::{PATIENCE, skip, uninterrupted};

/// A Redis server on a Unix socket, without a file.
pub struct Store {
    child: Child,
    directory: TempDir,
    arguments: Vec<String>,
}

impl Store {
    /// Starts one; `None` if it is not installed.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let Some(child) = spawn(&directory, &arguments) else {
            skip("redis-server is not installed");
            return None;
        };
        let store = Self { child, directory, arguments };
        store.wait();
        Some(store)
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// Waits until it replies.
    fn wait(&self) {
        let begun = Instant::now();
        loop {
            let reply = UnixStream::connect(self.socket()).and_then(|mut stream| {
                stream.write_all(b"PING\r\n")?;
                let mut reply = [0; 5];
                stream.read_exact(&mut reply)?;
                Ok(reply)
            });
            if reply.is_ok() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "redis-server does not reply: {reply:?}");
            thread::yield_now();
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let done = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(done.success());
    }

    /// Kills it. All its data is lost.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty.
    pub fn restart(&mut self) {
        self.child = spawn(&self.directory, &self.arguments).unwrap();
        self.wait();
    }

    /// Sends a command, whose words have no blanks, and returns the beginning of the reply.
    pub fn command(&self, words: &[&str]) -> String {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        stream.write_all(command.as_bytes()).unwrap();
        let mut reply = vec![0; 64 * 1024];
        let count = uninterrupted(|| stream.read(&mut reply)).unwrap();
        String::from_utf8_lossy(&reply[..count]).into_owned()
    }
}

fn spawn(directory: &TempDir, arguments: &[String]) -> Option<Child> {
    Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(directory.path().join("s"))
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A network between a server and the store, which can be cut.
pub struct Network {
    pub address: SocketAddr,
    is_cut: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<(TcpStream, UnixStream)>>>,
}

impl Network {
    pub fn to(store: &Store) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_cut = Arc::new(AtomicBool::new(false));
        let streams: Arc<Mutex<Vec<(TcpStream, UnixStream)>>> = Arc::default();
        let (cut, all, socket) = (Arc::clone(&is_cut), Arc::clone(&streams), store.socket());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                all.lock()
                    .unwrap()
                    .push((client.try_clone().unwrap(), server.try_clone().unwrap()));
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut from, &mut to));
                let (mut from, mut to) = (server, client);
                thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        });
        Self { address, is_cut, streams }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for (client, server) in self.streams.lock().unwrap().drain(..) {
            let _ = client.shutdown(std::net::Shutdown::Both);
            let _ = server.shutdown(std::net::Shutdown::Both);
        }
    }

    pub fn restore(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}
