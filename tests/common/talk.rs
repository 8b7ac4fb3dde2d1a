//! Connections on which a test speaks the protocol line by line.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use p2p_ci::protocol::IndexReplyDecoder;
use p2p_ci::protocol::role::{IndexClient, ReplyMeaning};

use super::PATIENCE;

/// A connection of a person with netcat.
pub struct Talk {
    stream: TcpStream,
    /// Bytes that were read and not yet returned.
    input: Vec<u8>,
}

impl Talk {
    pub fn to(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
    }

    /// Over a connection that exists.
    pub fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, input: Vec::new() }
    }

    pub fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).unwrap();
    }

    /// The writing half, for another thread.
    pub fn writer(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }

    /// The next line, without its line end, which must be CRLF.
    pub fn line(&mut self) -> Option<String> {
        let mut searched = 0;
        loop {
            let end = self.input[searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let line = self.take(searched + end + 1);
                return Some(line.strip_suffix("\r\n").expect("CRLF").to_string());
            }
            searched = self.input.len();
            if !self.fill() {
                assert_eq!(self.input, b"", "bytes without a line end");
                return None;
            }
        }
    }

    /// The lines of the next reply, without the last empty line.
    pub fn reply(&mut self) -> Vec<String> {
        let mut role = IndexClient::new(IndexReplyDecoder::default());
        let mut end = 0;
        loop {
            let Some(event) = role.next(&self.input[end..], || Duration::ZERO) else {
                assert!(self.fill(), "the rest of the reply");
                continue;
            };
            end += event.used;
            match event.meaning {
                ReplyMeaning::End(_) => break,
                ReplyMeaning::Fault(fault) => panic!("{fault}: {}", self.input.escape_ascii()),
                _ => {}
            }
        }
        let reply = self.take(end);
        let lines = reply.strip_suffix("\r\n\r\n").expect("an empty line");
        let lines: Vec<String> = lines.split("\r\n").map(str::to_string).collect();
        assert!(lines.iter().all(|line| !line.contains(['\r', '\n'])), "CRLF: {reply:?}");
        lines
    }

    fn take(&mut self, count: usize) -> String {
        let bytes = self.input.drain(..count).collect();
        String::from_utf8(bytes).expect("UTF-8")
    }

    /// Reads once; `false` at the end of the connection.
    fn fill(&mut self) -> bool {
        let mut chunk = [0; 8192];
        let count = super::uninterrupted(|| self.stream.read(&mut chunk)).unwrap();
        self.input.extend_from_slice(&chunk[..count]);
        count > 0
    }

    /// Adds a record and checks the reply.
    pub fn add(&mut self, number: u32, title: &str, host: &str, port: u16) {
        self.say(format!(
            "ADD RFC {number} P2P-CI/1.0\r\nHost: {host}\r\nPort: {port}\r\nTitle: {title}\r\n\r\n"
        ));
        assert_eq!(self.reply()[2], format!("RFC {number} {title} {host} {port}"));
    }

    /// Adds a record of a file on 127.0.0.1.
    pub fn add_file(&mut self, name: &str, port: u16) {
        self.say(format!(
            "ADD FILE {name} P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: {port}\r\nTitle: t\r\n\r\n"
        ));
        let reply = self.reply();
        assert_eq!(reply[0], "P2P-CI/1.0 200 OK", "{name}");
    }

    /// Whether the other side has closed. What comes before that is thrown away. Who closes over
    /// bytes that it has not read resets the connection.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read_to_end(&mut Vec::new()) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Whether something can be read now, the end of the connection included.
    pub fn has_arrived(&mut self) -> bool {
        if !self.input.is_empty() {
            return true;
        }
        let stream = &self.stream;
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Everything until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.input);
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Ends the writing half.
    pub fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}
