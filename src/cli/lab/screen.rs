//! Where the lines of a laboratory appear. A thread prints them, so that no peer waits for a terminal.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use crate::cli::output::notices::Notices;
use crate::cli::output::print::{print_line, print_note};
use crate::escape::escaped;
use crate::lab::Reported;
use crate::net::Cancel;

/// Where lines appear.
pub(super) struct Screen {
    lines: Sender<Line>,
    thread: JoinHandle<io::Result<()>>,
}

/// Where lines are printed.
pub(super) enum Place {
    Output,
    /// Standard error, because standard output has JSON.
    Errors,
    /// Above the prompt of a terminal.
    AbovePrompt(Notices),
}

enum Line {
    Text(String),
    /// No line follows.
    End,
}

impl Screen {
    /// Prints to this place. `cancel` is cancelled when nobody reads the lines any more.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(place: Place, cancel: Cancel) -> io::Result<Self> {
        let (lines, received) = channel();
        let work = move || {
            let printed = print(&received, &place);
            if printed.is_err() {
                cancel.cancel();
            }
            printed
        };
        let thread = thread::Builder::new().name("screen".into()).spawn(work)?;
        Ok(Self { lines, thread })
    }

    /// A function that prints what is reported.
    pub(super) fn printer(&self) -> impl Fn(Reported) + Send + Sync + 'static {
        let lines = self.lines.clone();
        move |reported| {
            let (Reported::Exchange(line) | Reported::Note(line)) = reported;
            // The thread ends early only if nobody reads.
            let _ = lines.send(Line::Text(line));
        }
    }

    pub(super) fn note(&self, text: &str) {
        let _ = self.lines.send(Line::Text(text.into()));
    }

    /// Waits until everything is printed.
    ///
    /// # Errors
    /// When it could not be printed.
    pub(super) fn end(self) -> io::Result<()> {
        let _ = self.lines.send(Line::End);
        self.thread.join().unwrap_or(Ok(()))
    }
}

fn print(lines: &Receiver<Line>, place: &Place) -> io::Result<()> {
    while let Ok(Line::Text(text)) = lines.recv() {
        // Scenarios, names of files and messages of others may contain terminal control characters.
        let line =
            text.lines().map(|line| escaped(line).to_string()).collect::<Vec<_>>().join("\n");
        match place {
            Place::Output => print_line(line)?,
            Place::Errors => print_note(line),
            Place::AbovePrompt(notices) => notices.print(&line),
        }
    }
    Ok(())
}
