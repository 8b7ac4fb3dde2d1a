//! A terminal that util-linux's `script` provides.

use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{self, Index, PATIENCE};

/// A terminal: what is typed, and what is seen.
pub(crate) struct Terminal {
    child: Child,
    screen: Receiver<u8>,
    /// While this is locked, nothing reads the screen, as with a pager that is not scrolled.
    pub(crate) reading: Arc<Mutex<()>>,
    seen: String,
    pub(crate) everything: String,
}

impl Terminal {
    /// A peer's shell that shares an empty folder and keeps there what it knows; `None` where there
    /// is no `script` that takes these options.
    pub(crate) fn start(index: &Index, mine: &Path) -> Option<Self> {
        let mut terminal = Self::start_with(index, mine, "")?;
        terminal.wait_for("registered ");
        terminal.wait_for("p2p-ci> ");
        Some(terminal)
    }

    /// The same with these options, as soon as it is started.
    pub(crate) fn start_with(index: &Index, mine: &Path, options: &str) -> Option<Self> {
        let probe = Command::new("script").args(["-qec", "true", "/dev/null"]).output();
        if !probe.is_ok_and(|output| output.status.success()) {
            common::skip("there is no `script` of util-linux");
            return None;
        }
        // Paths come through the environment: they may hold blanks.
        let command = format!(r#"exec "$PEER" "$INDEX" --share "$MINE" {options}"#);
        let mut child = Command::new("script")
            .args(["-qefc", &command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("PEER", env!("CARGO_BIN_EXE_peer"))
            .env("INDEX", index.address.to_string())
            .env("MINE", mine)
            .env("XDG_STATE_HOME", mine)
            .env("XDG_CACHE_HOME", mine)
            .env("TERM", "xterm")
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, screen) = channel();
        let reading = Arc::new(Mutex::new(()));
        let is_read = Arc::clone(&reading);
        thread::spawn(move || {
            let mut byte = [0];
            while output.read_exact(&mut byte).is_ok() && sender.send(byte[0]).is_ok() {
                drop(is_read.lock());
            }
        });
        Some(Self { child, screen, reading, seen: String::new(), everything: String::new() })
    }

    /// Reads until the screen has shown `text` since the last call.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.seen.ends_with(text) {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(byte) => {
                    self.seen.push(char::from(byte));
                    self.everything.push(char::from(byte));
                }
                Err(error) => panic!("{text:?} is not on the screen, {error}: {}", self.seen),
            }
        }
        self.seen.clear();
    }

    /// Reads until the screen has shown `text` at any time since the start, because a background
    /// thread may print it before the first prompt or after it.
    pub(crate) fn wait_for_since_start(&mut self, text: &str) {
        if !self.everything.contains(text) {
            self.wait_for(text);
        }
    }

    /// The exit code, if the program ends within this time.
    pub(crate) fn end_within(&mut self, time: Duration) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }

    pub(crate) fn quit(&mut self) {
        self.type_text("quit\r");
        assert_eq!(self.end_within(PATIENCE), Some(0), "{}", self.seen);
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
