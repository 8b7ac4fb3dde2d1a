//! A connection to an index or an upload server, with a word for what every case says (protocol.md
//! section 3).

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::protocol::IndexReplyDecoder;
use p2p_ci::protocol::role::{IndexClient, ReplyMeaning};
use socket2::{Domain, Socket, Type};

/// No reply of an honest server takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection whose replies are read whole.
pub(crate) struct Talk {
    pub(crate) stream: TcpStream,
    input: Vec<u8>,
    role: IndexClient,
}

impl Talk {
    pub(crate) fn to(address: SocketAddr) -> io::Result<Self> {
        Self::of(TcpStream::connect_timeout(&address, PATIENCE)?)
    }

    /// From one of the addresses 127.0.x.y, so that many connections find ports.
    pub(crate) fn from(source: u16, address: SocketAddr) -> io::Result<Self> {
        let [high, low] = source.to_be_bytes();
        Self::from_address(Ipv4Addr::new(127, 0, high, low).into(), address)
    }

    fn from_address(source: IpAddr, address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() || address.is_ipv6() {
            return Self::to(address);
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect_timeout(&address.into(), PATIENCE)?;
        Self::of(socket.into())
    }

    fn of(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let role = IndexClient::new(IndexReplyDecoder::default());
        Ok(Self { stream, input: Vec::new(), role })
    }

    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// The next reply, as text.
    pub(crate) fn reply(&mut self) -> io::Result<String> {
        let mut reply = Vec::new();
        self.read_reply(&mut |bytes| reply.extend_from_slice(bytes))?;
        Ok(String::from_utf8_lossy(&reply).into_owned())
    }

    /// Reads the next reply part by part.
    pub(crate) fn read_reply(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let mut start = 0;
            let is_over = loop {
                let Some(event) = self.role.next(&self.input[start..], || Duration::ZERO) else {
                    break false;
                };
                take(&self.input[start..start + event.used]);
                start += event.used;
                match event.meaning {
                    ReplyMeaning::End(_) => break true,
                    ReplyMeaning::Fault(fault) => return Err(io::Error::other(fault)),
                    _ => {}
                }
            };
            self.input.drain(..start);
            if is_over {
                return Ok(());
            }
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.input.extend_from_slice(&chunk[..count]),
            }
        }
    }

    pub(crate) fn ask(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<String> {
        self.say(bytes)?;
        self.reply()
    }

    /// Sends this number of requests in one write, whose replies have one record each, and reads the
    /// replies meanwhile.
    pub(crate) fn pipeline(&mut self, requests: &[u8], count: usize) -> io::Result<()> {
        // A status line, an empty line, a record, an empty line.
        const LINES: usize = 4;
        let mut writer = self.stream.try_clone()?;
        thread::scope(|scope| {
            let writing = scope.spawn(move || writer.write_all(requests));
            let mut lines = 0;
            let mut chunk = vec![0; 256 * 1024];
            while lines < count * LINES {
                match self.stream.read(&mut chunk)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => lines += chunk[..read].iter().filter(|byte| **byte == b'\n').count(),
                }
            }
            writing.join().map_err(|_| io::Error::other("a panic"))?
        })
    }

    /// Everything until the other side closes, and when it did; a reset is an end, too.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Instant) {
        let mut rest = std::mem::take(&mut self.input);
        let mut chunk = [0; 64 * 1024];
        while let Ok(count @ 1..) = self.stream.read(&mut chunk) {
            rest.extend_from_slice(&chunk[..count]);
        }
        (rest, Instant::now())
    }
}

/// The headers that every request to an index has, and its end.
pub(crate) const FROM: &str = "Host: honest\r\nPort: 5678\r\n";

pub(crate) fn add(number: u32, host: &str, port: u16, title: &str) -> String {
    format!("ADD RFC {number} P2P-CI/1.0\r\nHost: {host}\r\nPort: {port}\r\nTitle: {title}\r\n\r\n")
}

pub(crate) fn lookup(number: u32) -> String {
    format!("LOOKUP RFC {number} P2P-CI/1.0\r\n{FROM}\r\n")
}

pub(crate) fn list() -> String {
    format!("LIST ALL P2P-CI/1.0\r\n{FROM}\r\n")
}

pub(crate) fn search(words: &str, limit: u32) -> String {
    format!("SEARCH ALL P2P-CI/1.0\r\n{FROM}Title: {words}\r\nLimit: {limit}\r\n\r\n")
}

/// The records of a reply.
pub(crate) fn records(reply: &str) -> Vec<&str> {
    reply.lines().filter(|line| line.starts_with("RFC ") || line.starts_with("FILE ")).collect()
}

pub(crate) fn status(reply: &str) -> &str {
    reply.get(11..14).unwrap_or(reply)
}
