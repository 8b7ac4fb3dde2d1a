//! Connections on which a test speaks the protocol line by line.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;

/// A connection of a person with netcat.
pub struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(text.as_ref()).unwrap();
    }

    /// The writing half, for another thread.
    pub fn writer(&self) -> TcpStream {
        self.stream.get_ref().try_clone().unwrap()
    }

    /// The next line, without its line end, which must be CRLF.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.stream.read_line(&mut line).unwrap();
        if count == 0 {
            return None;
        }
        Some(line.strip_suffix("\r\n").expect("CRLF").to_string())
    }

    /// The lines of a reply, without the last empty line.
    pub fn reply(&mut self) -> Vec<String> {
        let status = self.line().expect("a reply");
        let found = status.contains(" 200 ");
        let mut lines = vec![status];
        if found {
            lines.push(self.line().expect("an empty line"));
        }
        loop {
            match self.line().expect("the rest of the reply") {
                line if line.is_empty() => return lines,
                line => lines.push(line),
            }
        }
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
        if !self.stream.buffer().is_empty() {
            return true;
        }
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Everything until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        rest
    }

    /// Ends the writing half.
    pub fn finish(&mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }
}
