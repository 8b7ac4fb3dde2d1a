//! The line editor of the shell: history, completion, and notices above the prompt.

use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;

use super::completion::Completions;
use super::exit::report;
use super::interrupt::Interrupt;
use super::notices::Notices;
use super::user_folder::history_file;

/// Reads lines from a person.
pub(super) struct Editor {
    editor: rustyline::Editor<Completions, FileHistory>,
    history: Option<PathBuf>,
    interrupt: Interrupt,
}

impl Editor {
    pub(super) fn new(
        notices: &Notices,
        completions: Completions,
        interrupt: Interrupt,
    ) -> Result<Self, ReadlineError> {
        let mut editor = rustyline::Editor::new()?;
        editor.set_helper(Some(completions));
        let history = history_file();
        if let Some(path) = &history {
            // The first time there is none. Without one the shell works as well.
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = editor.load_history(path);
        }
        // A simple terminal has no place above the prompt: notices then go to standard error.
        if let Ok(printer) = editor.create_external_printer() {
            notices.print_with(printer);
        }
        Ok(Self { editor, history, interrupt })
    }

    /// The next line; `None` at the end of input, or on Ctrl-D.
    pub(super) fn next_line(&mut self) -> Option<String> {
        loop {
            match self.editor.readline("p2p-ci> ") {
                Ok(line) => {
                    self.remember(&line);
                    return Some(line);
                }
                // The second Ctrl-C within a second, after one that has cancelled a download.
                Err(ReadlineError::Interrupted) if self.interrupt.again() => return None,
                // Ctrl-C throws the line away.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return None,
                Err(error) => {
                    report("peer: cannot read from the terminal", &error);
                    return None;
                }
            }
        }
    }
}

impl Editor {
    /// Stores a line before its command runs: a session may end at any moment. A line that is not
    /// stored is still a command.
    fn remember(&mut self, line: &str) {
        let _ = self.editor.add_history_entry(line);
        if let Some(path) = &self.history {
            let _ = self.editor.append_history(path);
        }
    }
}
