//! The lines that are typed, or read from standard input. A thread reads them, so that a signal is noticed.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::cli::output::notices::Notices;
use crate::net::Cancel;

/// How often a signal is noticed.
const POLL: Duration = Duration::from_millis(50);

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
                Some(line)
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
    start(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).ok().filter(|count| *count > 0).map(|_| line)
    })
}

/// Lines that a thread reads, each when it is asked for.
pub(super) struct Lines {
    ask: Sender<()>,
    lines: Receiver<String>,
}

impl Lines {
    /// The next line; `None` at the end of input, or when this is cancelled.
    pub(super) fn next(&self, cancel: &Cancel) -> Option<String> {
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

fn start(mut read: impl FnMut() -> Option<String> + Send + 'static) -> io::Result<Lines> {
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
