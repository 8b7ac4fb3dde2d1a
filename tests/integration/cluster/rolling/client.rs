//! A connection that may be lost at any time.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use crate::common::PATIENCE;

/// The port of the first peer. A peer is known by its port, a document by its number.
const FIRST: usize = 10_000;

/// A record as the model knows it: the peer and the document.
pub type Found = (usize, usize);

/// A connection to an index server.
pub struct Client(BufReader<TcpStream>);

impl Client {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Adds documents of a peer in one write.
    pub fn add(&mut self, documents: &[usize], peer: usize) -> io::Result<()> {
        let requests: String = documents
            .iter()
            .map(|document| format!("ADD {}Title: T\r\n\r\n", head(*document, peer)))
            .collect();
        self.0.get_mut().write_all(requests.as_bytes())?;
        documents.iter().try_for_each(|_| self.must_succeed())
    }

    pub fn remove(&mut self, document: usize, peer: usize) -> io::Result<()> {
        self.say(&format!("REMOVE {}\r\n", head(document, peer)))?;
        self.must_succeed()
    }

    pub fn look_up(&mut self, document: usize) -> io::Result<Vec<Found>> {
        self.say(&format!("LOOKUP {}\r\n", head(document, 0)))?;
        Ok(self.reply()?.unwrap_or_default())
    }

    pub fn list(&mut self) -> io::Result<Vec<Found>> {
        self.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n")?;
        Ok(self.reply()?.unwrap_or_default())
    }

    fn say(&mut self, request: &str) -> io::Result<()> {
        self.0.get_mut().write_all(request.as_bytes())
    }

    /// A server that is about to end may refuse.
    fn must_succeed(&mut self) -> io::Result<()> {
        match self.reply()? {
            Some(_) => Ok(()),
            None => Err(io::Error::other("refused")),
        }
    }

    /// The records of a reply; `None` if it is a refusal.
    fn reply(&mut self) -> io::Result<Option<Vec<Found>>> {
        let is_found = self.line()?.ends_with(" 200 OK");
        while !self.line()?.is_empty() {}
        if !is_found {
            return Ok(None);
        }
        let mut found = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Some(found));
            }
            let words: Vec<&str> = line.split(' ').collect();
            let (document, port): (usize, usize) =
                (words[1].parse().unwrap(), words[words.len() - 1].parse().unwrap());
            found.push((port - FIRST, document - 1));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if line.ends_with('\n') => Ok(line.trim_end().into()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn head(document: usize, peer: usize) -> String {
    let (number, port) = (document + 1, FIRST + peer);
    format!("RFC {number} P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: {port}\r\n")
}
