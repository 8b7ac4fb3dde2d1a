//! A connection to the server, and what arrives on it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::exchanges::{Exchange, Exchanges};
use crate::system;
use crate::transcript::{Event, Explainer, Side, What};

/// Time in which a connection must be established, and in which a request must be written.
const CONNECT: Duration = Duration::from_secs(5);
/// Silence after which messages without an end have ended (protocol.md section 4.9).
const SILENCE: Duration = Duration::from_millis(500);

/// What has arrived on the connection of this place.
pub(super) type Arrival = (usize, Option<Vec<u8>>);

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    explainer: Explainer,
    exchanges: Exchanges,
    last: Instant,
    /// Whether the silence after the last bytes has been noticed.
    is_silent: bool,
    pub(super) has_ended: bool,
    /// Replies that did not come in time.
    pub(super) lost: usize,
}

impl Line {
    /// Connects. A thread passes on what arrives, and `None` at the end.
    pub(super) fn connect(
        addresses: &[SocketAddr],
        place: usize,
        arrivals: SyncSender<Arrival>,
    ) -> io::Result<Self> {
        let mut last = io::Error::other("the name has no address");
        for address in addresses {
            match system::connect(address, CONNECT) {
                Ok(stream) => return Self::new(stream, place, arrivals),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn new(stream: TcpStream, place: usize, arrivals: SyncSender<Arrival>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(CONNECT))?;
        let mut reader = stream.try_clone()?;
        thread::Builder::new().name("replay".into()).spawn(move || {
            let mut buffer = [0; 16 * 1024];
            loop {
                let bytes = match reader.read(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) | Err(_) => None,
                    Ok(count) => Some(buffer.get(..count).unwrap_or_default().to_vec()),
                };
                let is_last = bytes.is_none();
                if arrivals.send((place, bytes)).is_err() || is_last {
                    return;
                }
            }
        })?;
        let mut line = Self {
            stream,
            explainer: Explainer::new(),
            exchanges: Exchanges::default(),
            last: Instant::now(),
            is_silent: false,
            has_ended: false,
            lost: 0,
        };
        line.follow(What::Connect { client: String::new(), server: String::new() });
        Ok(line)
    }

    pub(super) fn send(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let result = self.stream.write_all(&bytes);
        self.follow(What::Bytes(Side::Client, bytes));
        result
    }

    pub(super) fn arrived(&mut self, bytes: Option<Vec<u8>>) {
        match bytes {
            Some(bytes) => self.follow(What::Bytes(Side::Server, bytes)),
            None => {
                self.has_ended = true;
                self.follow(What::End(Side::Server));
            }
        }
    }

    fn follow(&mut self, what: What) {
        (self.last, self.is_silent) = (Instant::now(), false);
        let event = Event { stream: String::new(), time: None, what };
        self.exchanges.add(self.explainer.follow(&event).1);
    }

    /// Ends messages without an end if nothing has been sent for some time.
    pub(super) fn notice_silence(&mut self) {
        if !self.is_silent && self.last.elapsed() >= SILENCE {
            self.is_silent = true;
            self.exchanges.add(self.explainer.be_silent());
        }
    }

    /// When a side has sent its last bytes.
    pub(super) fn last(&self) -> Instant {
        self.last
    }

    /// How many requests have been answered.
    pub(super) fn answered(&self) -> usize {
        self.exchanges.answered()
    }

    /// Sends nothing more.
    pub(super) fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Resets the connection. Returns its exchanges.
    pub(super) fn reset(self) -> Vec<Exchange> {
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        self.close()
    }

    /// Closes the connection. Returns its exchanges.
    pub(super) fn close(self) -> Vec<Exchange> {
        // The reading thread has a handle of its own.
        let _ = self.stream.shutdown(Shutdown::Both);
        let mut exchanges = self.exchanges;
        exchanges.add(self.explainer.finish_following().1);
        exchanges.finish()
    }
}
