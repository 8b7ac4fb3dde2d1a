//! The line editor of the shell: history, completion, and notices above the prompt.

use std::path::PathBuf;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::exit::report;
use super::notices::Notices;
use super::user_folder::history_file;
use crate::library::SharedLibrary;

const COMMANDS: [&str; 12] = [
    "add", "browse", "docs", "get", "help", "list", "lookup", "peers", "quit", "remove", "search",
    "status",
];

/// Reads lines from a person.
pub(super) struct Editor {
    editor: rustyline::Editor<Completions, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(
        notices: &Notices,
        library: Option<SharedLibrary>,
    ) -> Result<Self, ReadlineError> {
        let mut editor = rustyline::Editor::new()?;
        editor.set_helper(Some(Completions { files: FilenameCompleter::new(), library }));
        let history = history_file();
        if let Some(path) = &history {
            // The first time there is none.
            let _ = editor.load_history(path);
        }
        // A simple terminal has no place above the prompt: notices then go to standard error.
        if let Ok(printer) = editor.create_external_printer() {
            notices.print_with(printer);
        }
        Ok(Self { editor, history })
    }

    /// The next line; `None` at the end of input, or on Ctrl-D.
    pub(super) fn next_line(&mut self) -> Option<String> {
        loop {
            match self.editor.readline("p2p-ci> ") {
                Ok(line) => {
                    // A line that is not remembered is still a command.
                    let _ = self.editor.add_history_entry(&line);
                    return Some(line);
                }
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

impl Drop for Editor {
    fn drop(&mut self) {
        if let Some(path) = &self.history {
            // The history is a comfort: nothing depends on it.
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = self.editor.append_history(path);
        }
    }
}

/// Completes commands, paths behind `add`, and shared documents behind `remove`.
struct Completions {
    files: FilenameCompleter,
    library: Option<SharedLibrary>,
}

impl Completer for Completions {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        context: &Context<'_>,
    ) -> Result<(usize, Vec<Pair>), ReadlineError> {
        let before = &line[..position];
        let start = before.rfind(' ').map_or(0, |at| at + 1);
        let word = &before[start..];
        let candidates: Vec<String> = match before[..start].split_whitespace().next() {
            None => COMMANDS.iter().map(ToString::to_string).collect(),
            Some("help") => COMMANDS.iter().map(ToString::to_string).collect(),
            Some("add") => return self.files.complete(line, position, context),
            Some("remove") => self.documents(),
            Some(_) => Vec::new(),
        };
        let fitting = candidates.into_iter().filter(|candidate| candidate.starts_with(word));
        let pair = |text: String| Pair { display: text.clone(), replacement: text };
        Ok((start, fitting.map(pair).collect()))
    }
}

impl Completions {
    fn documents(&self) -> Vec<String> {
        let Some(library) = &self.library else {
            return Vec::new();
        };
        let library = library.read();
        library.documents().map(|(document, _)| document.name()).collect()
    }
}

impl Helper for Completions {}
impl Highlighter for Completions {}
impl Validator for Completions {}
impl Hinter for Completions {
    type Hint = String;
}
