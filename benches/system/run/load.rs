//! The load generator: one thread, many connections, the same for every server that is compared.
//!
//! A connection sends a batch of requests in one write, waits until all replies to it are there,
//! and sends the next. Replies are counted by their bytes: requests are made so that all their
//! replies have one length, which costs the generator next to nothing and favours no server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use crate::run::samples::Latencies;

/// No server that works is silent for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The requests, the number of connections that send them, and the replies.
pub(crate) struct Load<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// The batch that a connection sends in a round; nothing when it is finished.
    pub(crate) batch: &'a dyn Fn(usize, usize) -> Option<&'a [u8]>,
    /// Requests of a batch.
    pub(crate) in_flight: usize,
    /// Bytes of one reply.
    pub(crate) reply: usize,
    /// When it ends, if the batches do not.
    pub(crate) time: Duration,
}

/// The result of a load.
pub(crate) struct Outcome {
    pub(crate) requests: usize,
    pub(crate) time: Duration,
    /// Of each batch, from the write to the last byte of the last reply.
    pub(crate) latencies: Latencies,
}

impl Outcome {
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64()
    }
}

struct Connection {
    stream: TcpStream,
    round: usize,
    /// Bytes that the replies to this batch still lack; 0 when it is finished.
    left: usize,
    sent: Instant,
}

impl Load<'_> {
    /// Connects, and loads the server until the time is over or the batches are.
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        let streams: io::Result<Vec<TcpStream>> =
            (0..self.connections).map(|_| connect(self.address)).collect();
        self.run_over(streams?)
    }

    /// Loads the server over connections that are there already.
    pub(crate) fn run_over(&self, streams: Vec<TcpStream>) -> io::Result<Outcome> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(streams.len());
        for (at, stream) in streams.into_iter().enumerate() {
            let data = epoll::EventData::new_u64(at as u64);
            epoll::add(&poll, &stream, data, epoll::EventFlags::IN)?;
            connections.push(Connection { stream, round: 0, left: 0, sent: Instant::now() });
        }
        let begun = Instant::now();
        let deadline = begun + self.time;
        let mut latencies = Vec::with_capacity(1 << 20);
        let mut requests = 0;
        let mut busy = 0;
        for (at, connection) in connections.iter_mut().enumerate() {
            busy += usize::from(self.send(at, connection)?);
        }
        let mut buffer = vec![0; 256 * 1024];
        let mut events = Vec::with_capacity(1024);
        let patience = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
        while busy > 0 {
            epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&patience))?;
            if events.is_empty() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            for event in events.drain(..) {
                let at = event.data.u64() as usize;
                let connection = &mut connections[at];
                let count = match connection.stream.read(&mut buffer)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => count,
                };
                connection.left = connection.left.checked_sub(count).ok_or_else(|| {
                    let found = String::from_utf8_lossy(&buffer[..count.min(200)]).into_owned();
                    io::Error::other(format!("expected replies of {} bytes: {found}", self.reply))
                })?;
                if connection.left > 0 {
                    continue;
                }
                let now = Instant::now();
                latencies.push(now - connection.sent);
                requests += self.in_flight;
                let goes_on = now < deadline && self.send(at, connection)?;
                busy -= usize::from(!goes_on);
            }
        }
        Ok(Outcome { requests, time: begun.elapsed(), latencies: Latencies::of(latencies) })
    }

    /// Sends the next batch; returns whether there was one.
    fn send(&self, at: usize, connection: &mut Connection) -> io::Result<bool> {
        let Some(batch) = (self.batch)(at, connection.round) else { return Ok(false) };
        connection.round += 1;
        connection.left = self.in_flight * self.reply;
        connection.sent = Instant::now();
        connection.stream.write_all(batch)?;
        Ok(true)
    }
}

pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Requests and the length of the reply that each of them gets.
pub(crate) struct Requests {
    /// This number of requests each, one after the other.
    pub(crate) batches: Vec<Vec<u8>>,
    pub(crate) in_flight: usize,
    pub(crate) reply: usize,
}

impl Requests {
    /// Batches of the requests in an order that looks random and is always the same.
    pub(crate) fn shuffled(
        requests: &[String],
        in_flight: usize,
        batches: usize,
        random: &mut crate::run::samples::Random,
    ) -> Vec<Vec<u8>> {
        let mut batch = || {
            let chosen = (0..in_flight).map(|_| requests[random.below(requests.len())].as_bytes());
            chosen.collect::<Vec<_>>().concat()
        };
        (0..batches).map(|_| batch()).collect()
    }

    /// Asks over and over, each connection beginning elsewhere.
    pub(crate) fn ask(
        &self,
        address: SocketAddr,
        connections: usize,
        time: Duration,
    ) -> io::Result<Outcome> {
        let batch = |connection: usize, round: usize| {
            Some(&self.batches[(connection * 37 + round) % self.batches.len()][..])
        };
        let load = Load {
            address,
            connections,
            batch: &batch,
            in_flight: self.in_flight,
            reply: self.reply,
            time,
        };
        load.run()
    }
}
