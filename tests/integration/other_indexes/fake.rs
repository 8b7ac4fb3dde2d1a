//! Fake index servers.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::common::{self, PATIENCE, Program, run_peer};

/// The action of a server after one request.
pub(crate) enum Act {
    Say(Vec<u8>),
    SayAndClose(Vec<u8>),
    /// Says something, and something else after a pause.
    SayLater(Vec<u8>, Duration, Vec<u8>),
    /// Says nothing, and reads nothing more on this connection.
    Hang,
}

pub(crate) fn say(reply: impl AsRef<[u8]>) -> Act {
    Act::Say(reply.as_ref().to_vec())
}

/// A server that remembers what it was sent.
pub(crate) struct Other {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Receiver<String>,
    has_ended: Arc<AtomicBool>,
}

impl Other {
    /// `act` gets each request and its number on its connection.
    pub(crate) fn start(act: impl Fn(&str, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        let act = Arc::new(act);
        let has_ended = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&has_ended);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (act, sender) = (act.clone(), sender.clone());
                thread::spawn(move || serve(stream, &*act, &sender));
            }
        });
        Self { address, requests, has_ended }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }

    pub(crate) fn run(&self, arguments: &[&str], directory: &Path) -> (i32, String, String) {
        run_peer(&[&[&*self.address.to_string()], arguments].concat(), "", directory)
    }
}

/// The tests run with few descriptors: a listener that is not used any more is closed.
impl Drop for Other {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::SeqCst);
        // Its thread waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, act: &dyn Fn(&str, usize) -> Act, sender: &Sender<String>) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut number) = (String::new(), 0);
    loop {
        let before = request.len();
        if !lines.read_line(&mut request).is_ok_and(|count| count > 0) {
            return;
        }
        if !request[before..].trim().is_empty() {
            continue;
        }
        let whole = std::mem::take(&mut request);
        let _ = sender.send(whole.clone());
        match act(&whole, number) {
            Act::Say(reply) => drop(stream.write_all(&reply)),
            Act::SayLater(first, pause, second) => {
                let _ = stream.write_all(&first);
                thread::sleep(pause);
                let _ = stream.write_all(&second);
            }
            Act::Hang => {
                // Until the client has gone.
                let _ = lines.read_line(&mut request);
                return;
            }
            Act::SayAndClose(reply) => {
                let _ = stream.write_all(&reply);
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
        }
        number += 1;
    }
}

/// A document server that sends the same four bytes to everybody; returns its port.
pub(crate) fn uploader() -> u16 {
    let other = Other::start(|_, _| {
        Act::SayAndClose(b"P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody".to_vec())
    });
    let port = other.address.port();
    // It serves until the program ends.
    std::mem::forget(other);
    port
}

pub(crate) fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Whether a request has an extension, which MUST NOT be sent to an unknown server.
pub(crate) fn has_extension(request: &str) -> bool {
    let headers = ["Digest:", "Length:", "Limit:"];
    let lines = ["FILE", "SEARCH", "REMOVE"];
    headers.iter().any(|header| request.contains(header))
        || lines.iter().any(|word| request.lines().next().unwrap().contains(word))
}

pub(crate) fn share(other: &Other, directory: &Path) -> Program {
    let program = common::peer(
        other.address,
        &["--share", ".", "--upload", "127.0.0.1:0", "share"],
        directory,
    );
    program.line();
    program
}
