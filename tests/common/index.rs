//! Index servers on a port that the system chooses.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{PATIENCE, Program, Talk};

/// An index server.
pub struct Index {
    pub program: Program,
    pub address: SocketAddr,
}

impl Index {
    pub fn start(arguments: &[&str]) -> Self {
        let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
        let program = Program::start(env!("CARGO_BIN_EXE_server"), &arguments, Path::new("."));
        let line = program.line();
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { program, address }
    }

    pub fn connect(&self) -> Talk {
        Talk::to(self.address)
    }

    /// Registers these files for a holder on 127.0.0.1. The records last as long as the connection.
    pub fn register_files<Name: AsRef<str>>(&self, names: &[Name], port: u16) -> Talk {
        let mut talk = self.connect();
        names.iter().for_each(|name| talk.add_file(name.as_ref(), port));
        talk
    }

    /// The lines of a list now.
    pub fn list(&self) -> Vec<String> {
        let mut talk = self.connect();
        talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        let mut reply = talk.reply();
        reply.drain(..2);
        reply
    }

    /// Repeats LIST until it has `count` records.
    pub fn wait_for_records(&self, count: usize) -> Duration {
        let start = Instant::now();
        while self.list().len() != count {
            assert!(start.elapsed() < PATIENCE, "{:?} instead of {count}", self.list());
            thread::yield_now();
        }
        start.elapsed()
    }

    /// Waits until the index knows the digests of this number of holders of a document.
    pub fn wait_for_digests(&self, document: &str, holders: usize) {
        let begun = Instant::now();
        loop {
            let mut talk = self.connect();
            talk.say(format!(
                "LOOKUP {document} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n"
            ));
            let digests = talk.reply().iter().filter(|line| line.starts_with("Digest:")).count();
            if digests == holders {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{digests} digests of {document} instead of {holders}"
            );
            thread::yield_now();
        }
    }
}
