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
    /// A peer's shell that shares an empty directory and keeps there what it knows; `None` where there
    /// is no `script` that takes these options.
    pub(crate) fn start(index: &Index, mine: &Path) -> Option<Self> {
        Self::sized(index, mine, (0, 0), &[])
    }

    /// The same with a screen of these lines and columns, and with these variables.
    pub(crate) fn sized(
        index: &Index,
        mine: &Path,
        (lines, columns): (u16, u16),
        variables: &[(&str, &str)],
    ) -> Option<Self> {
        let mut terminal = Self::start_on(index, mine, "", (lines, columns), variables)?;
        terminal.wait_for("registered ");
        terminal.wait_for("p2p-ci> ");
        Some(terminal)
    }

    /// The same with these options, as soon as it is started.
    pub(crate) fn start_with(index: &Index, mine: &Path, options: &str) -> Option<Self> {
        Self::start_on(index, mine, options, (0, 0), &[])
    }

    /// The same with a screen of these lines and columns, and with these variables.
    pub(crate) fn start_on(
        index: &Index,
        mine: &Path,
        options: &str,
        (lines, columns): (u16, u16),
        variables: &[(&str, &str)],
    ) -> Option<Self> {
        let probe = Command::new("script").args(["-qec", "true", "/dev/null"]).output();
        if !probe.is_ok_and(|output| output.status.success()) {
            common::skip("there is no `script` of util-linux");
            return None;
        }
        // Paths come through the environment: they may hold blanks.
        let peer = format!(r#"exec "$PEER" "$INDEX" --share "$MINE" {options}"#);
        let command = format!(r#"stty rows "$ROWS" cols "$COLS"; {peer}"#);
        let mut child = Command::new("script")
            .args(["-qefc", &command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("PEER", env!("CARGO_BIN_EXE_peer"))
            .env("INDEX", index.address.to_string())
            .env("MINE", mine)
            .env("XDG_STATE_HOME", mine.join(".state"))
            .env("XDG_CACHE_HOME", mine.join(".state"))
            .env("TERM", "xterm")
            .env("ROWS", lines.to_string())
            .env("COLS", columns.to_string())
            .env_remove("NO_COLOR")
            .env_remove("PAGER")
            .envs(variables.iter().copied())
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

    /// Types a line, and Tab until the screen shows `text`; then clears the line. Names come from the index, and Tab
    /// waits for them only for a short time.
    pub(crate) fn learn_names(&mut self, line: &str, text: &str) {
        let (before, begun) = (self.everything.len(), Instant::now());
        self.type_text(line);
        while !self.everything[before..].contains(text) {
            assert!(begun.elapsed() < PATIENCE, "{text:?} is not completed: {}", self.everything);
            self.type_text("\t");
            while let Ok(byte) = self.screen.recv_timeout(Duration::from_secs(1)) {
                self.everything.push(char::from(byte));
                if self.everything[before..].ends_with(text) {
                    break;
                }
            }
        }
        // Ctrl-U.
        self.type_text("\x15");
        self.seen.clear();
    }

    /// The lines that a command prints, without colours, until the next prompt.
    pub(crate) fn lines_of(&mut self, command: &str) -> Vec<String> {
        let before = self.everything.len();
        self.type_text(&format!("{command}\r"));
        self.wait_for(&format!("{command}\x1b[?2004l"));
        self.wait_for("p2p-ci> ");
        // Each byte was taken for a character.
        let bytes = self.everything[before..].chars().map(|byte| u8::try_from(byte).unwrap());
        let text = String::from_utf8(bytes.collect()).unwrap();
        let (_, printed) = text.split_once("\x1b[?2004l").unwrap();
        let lines = printed.lines().filter(|line| !line.contains("p2p-ci> "));
        let lines = lines.map(|line| without_colours(line).trim_end().to_string());
        lines.filter(|line| !line.is_empty()).collect()
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

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
