//! The lines that are typed, or read from standard input. A thread reads them, so that a signal is noticed.

use std::io::{self, BufRead, IsTerminal};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::cli::output::notices::Notices;
use crate::cli::values::bounded_lines::BoundedLines;
use crate::escape::excerpt;
use crate::net::Cancel;

/// How often a signal is noticed.
const POLL: Duration = Duration::from_millis(50);
/// The longest line in bytes: input without line ends would fill the memory.
const LONGEST: usize = 4096;

/// A line, or why it is none.
type Line = Result<String, String>;

/// The editor at a terminal.
pub(super) struct Prompt {
    editor: DefaultEditor,
    interrupt: Box<dyn Fn() + Send>,
}

impl Prompt {
    /// The editor, and where lines are printed above it; `None` if commands are not typed at a terminal. `interrupt`
    /// is called on Ctrl-C.
    pub(super) fn start(
        interrupt: impl Fn() + Send + 'static,
    ) -> Result<Option<(Self, Notices)>, ReadlineError> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let mut editor = DefaultEditor::new()?;
        let notices = Notices::default();
        // A simple terminal cannot print above the prompt: then lines go to standard error.
        if let Ok(printer) = editor.create_external_printer() {
            notices.print_with(printer);
        }
        Ok(Some((Self { editor, interrupt: Box::new(interrupt) }, notices)))
    }

    /// The lines that are typed.
    pub(super) fn lines(mut self) -> io::Result<Lines> {
        start(move || match self.editor.readline("lab> ") {
            Ok(line) => {
                // A line that is not kept can be typed again.
                let _ = self.editor.add_history_entry(&line);
                Some(if line.len() > LONGEST { Err(too_long()) } else { Ok(line) })
            }
            Err(ReadlineError::Interrupted) => {
                (self.interrupt)();
                None
            }
            Err(_) => None,
        })
    }
}

/// The lines of standard input.
pub(super) fn lines_of_stdin() -> io::Result<Lines> {
    let mut lines = BoundedLines::new(LONGEST);
    start(move || next_line(&mut io::stdin().lock(), &mut lines).unwrap_or_default())
}

fn too_long() -> String {
    format!("expected a command of at most {LONGEST} bytes, found a longer line")
}

/// The next line of a reader; `None` at its end.
fn next_line(reader: &mut impl BufRead, lines: &mut BoundedLines) -> io::Result<Option<Line>> {
    let Some(line) = lines.next(reader)? else { return Ok(None) };
    let text = line.map_err(|_| too_long()).and_then(|line| {
        String::from_utf8(line).map_err(|error| {
            let found = excerpt(error.as_bytes().trim_ascii_end());
            format!("expected a line in UTF-8, found {found}")
        })
    });
    Ok(Some(text))
}

/// Lines that a thread reads, each when it is asked for.
pub(super) struct Lines {
    ask: Sender<()>,
    lines: Receiver<Line>,
}

impl Lines {
    /// The next line; `None` at the end of input, or when this is cancelled.
    pub(super) fn next(&self, cancel: &Cancel) -> Option<Line> {
        // After the end of input the thread has ended.
        let _ = self.ask.send(());
        loop {
            if cancel.is_cancelled() {
                return None;
            }
            match self.lines.recv_timeout(POLL) {
                Ok(line) => return Some(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

fn start(mut read: impl FnMut() -> Option<Line> + Send + 'static) -> io::Result<Lines> {
    let (ask, asked) = channel();
    let (sender, lines) = channel();
    let work = move || {
        while let Ok(()) = asked.recv()
            && let Some(line) = read()
            && sender.send(line).is_ok()
        {}
    };
    thread::Builder::new().name("typing".into()).spawn(work)?;
    Ok(Lines { ask, lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_reported_early_and_skipped() {
        let text = |length| format!("{}\n", "x".repeat(length));
        let input = ["list\n", &text(LONGEST), &text(LONGEST + 1), &text(3 * LONGEST), "quit"];
        let input = input.concat();
        let mut reader = io::BufReader::with_capacity(100, input.as_bytes());
        let (mut lines, mut lengths) = (BoundedLines::new(LONGEST), Vec::new());
        while let Some(line) = next_line(&mut reader, &mut lines).unwrap() {
            lengths.push(line.map(|line| line.trim().len()).map_err(|_| ()));
        }
        assert_eq!(lengths, [Ok(4), Ok(LONGEST), Err(()), Err(()), Ok(4)]);
        // Input without an end is reported after its first bytes.
        let mut zeros = io::BufReader::new(io::repeat(0));
        let lines = || BoundedLines::new(LONGEST);
        assert_eq!(next_line(&mut zeros, &mut lines()).unwrap(), Some(Err(too_long())));
        let line = next_line(&mut &b"a\xff\x1b\nlist"[..], &mut lines()).unwrap();
        assert_eq!(line, Some(Err("expected a line in UTF-8, found `a\\xff\\x1b`".into())));
    }
}
