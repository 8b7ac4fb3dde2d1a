//! The line editor of the shell: history, completion, and notices above the prompt.

use std::mem;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config};

use super::completion::Completions;
use crate::cli::output::notices::Notices;
use crate::cli::output::print::{print_message, print_note};
use crate::cli::output::table::shown_width;
use crate::cli::output::terminal::width;
use crate::cli::output::wrapping::labelled;
use crate::cli::session::interrupt::Interrupt;
use crate::cli::user_directory::history_file;

/// The columns for an answer after its prompt. A longer prompt has lines of its own.
const ANSWER: usize = 20;

/// Reads lines on a terminal.
pub(in crate::cli) struct Editor {
    editor: rustyline::Editor<Completions, FileHistory>,
    history: Option<PathBuf>,
    interrupt: Interrupt,
    /// Whether a note has named the ways to end the session.
    has_named_the_end: bool,
}

impl Editor {
    pub(in crate::cli) fn new(
        notices: &Notices,
        completions: Completions,
        interrupt: Interrupt,
    ) -> Result<Self, ReadlineError> {
        // Tab completes as far as the candidates agree, and then lists them.
        let config = Config::builder().completion_type(CompletionType::List).build();
        let mut editor = rustyline::Editor::with_config(config)?;
        editor.set_helper(Some(completions));
        let history = history_file();
        if let Some(path) = &history {
            // The first session has no history file, and the shell works without one.
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = editor.load_history(path);
        }
        // A simple terminal cannot print above the prompt: then notices go to standard error.
        if let Ok(printer) = editor.create_external_printer() {
            notices.print_with(printer);
        }
        Ok(Self { editor, history, interrupt, has_named_the_end: false })
    }

    /// The next line, which is stored in the history; `None` at the end of input, or on Ctrl-D.
    pub(in crate::cli) fn next_line(&mut self) -> Result<Option<String>, ReadlineError> {
        let line = self.read("p2p-ci> ", "`quit` or Ctrl-D ends the session")?;
        if let Some(line) = &line {
            self.remember(line);
        }
        Ok(line)
    }

    /// The next answer to a question of the menu; `None` as above.
    ///
    /// Tab completes it as a value after these words of a command.
    pub(in crate::cli) fn ask(
        &mut self,
        prompt: &str,
        words: &[String],
    ) -> Result<Option<String>, ReadlineError> {
        if let Some(completions) = self.editor.helper_mut() {
            completions.complete_value_of(words);
        }
        let end = "0 or Ctrl-D ends the session";
        if shown_width(prompt) + ANSWER <= width().unwrap_or(usize::MAX) {
            return self.read(prompt, end);
        }
        print_message(labelled("", prompt.trim_end()));
        self.read("> ", end)
    }

    fn read(&mut self, prompt: &str, end: &str) -> Result<Option<String>, ReadlineError> {
        loop {
            match self.editor.readline(prompt) {
                Ok(line) => return Ok(Some(line)),
                // The second Ctrl-C within a second, after one that has cancelled a download.
                Err(ReadlineError::Interrupted) if self.interrupt.again() => return Ok(None),
                // Ctrl-C discards the line.
                Err(ReadlineError::Interrupted) => {
                    if !mem::replace(&mut self.has_named_the_end, true) {
                        print_note(end);
                    }
                }
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Stores a line before its command runs, because a session may end at any moment. Errors are ignored.
    fn remember(&mut self, line: &str) {
        let _ = self.editor.add_history_entry(line);
        if let Some(path) = &self.history {
            let _ = self.editor.append_history(path);
        }
    }
}
