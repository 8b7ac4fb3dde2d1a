//! Completion in the shell, derived from the commands that clap knows.

use clap::{Arg, Command, CommandFactory, ValueHint};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::command::{DOCUMENT, Line};
use crate::library::SharedLibrary;

/// Completes commands, their options, paths, and the names of shared documents.
pub(super) struct Completions {
    line: Command,
    files: FilenameCompleter,
    library: Option<SharedLibrary>,
}

/// What may stand where the cursor is.
#[derive(Debug, Eq, PartialEq)]
enum Candidates {
    Words(Vec<String>),
    Paths,
    Documents,
}

impl Completions {
    pub(super) fn new(library: Option<SharedLibrary>) -> Self {
        let mut line = Line::command();
        // Adds `help`.
        line.build();
        Self { line, files: FilenameCompleter::new(), library }
    }

    /// What may follow these words, if it begins with `word`.
    fn candidates(&self, earlier: &str, word: &str) -> Candidates {
        let mut words = earlier.split_whitespace();
        let command = match words.next() {
            None | Some("help") => return Candidates::Words(names(&self.line)),
            Some(name) => self.line.find_subcommand(name),
        };
        let Some(command) = command else { return Candidates::Words(Vec::new()) };
        let option = words.next_back().and_then(|before| before.strip_prefix("--"));
        let option = option
            .and_then(|name| command.get_opts().find(|option| option.get_long() == Some(name)));
        if option.is_none() && word.starts_with('-') {
            let long = |option: &Arg| option.get_long().map(|long| format!("--{long}"));
            return Candidates::Words(command.get_arguments().filter_map(long).collect());
        }
        match option.or_else(|| command.get_positionals().next()) {
            Some(argument) => candidates_of(argument),
            None => Candidates::Words(Vec::new()),
        }
    }

    fn documents(&self) -> Vec<String> {
        let Some(library) = &self.library else { return Vec::new() };
        let library = library.read();
        library.documents().map(|(document, _)| document.name()).collect()
    }
}

/// The names of all commands and their aliases.
fn names(line: &Command) -> Vec<String> {
    let names = |command: &Command| {
        let name = command.get_name().to_string();
        let aliases = command.get_visible_aliases().map(ToString::to_string);
        [name].into_iter().chain(aliases).collect::<Vec<String>>()
    };
    let mut names: Vec<String> = line.get_subcommands().flat_map(names).collect();
    names.sort();
    names
}

fn candidates_of(argument: &Arg) -> Candidates {
    if let ValueHint::AnyPath | ValueHint::FilePath = argument.get_value_hint() {
        return Candidates::Paths;
    }
    let is_document = |names: &[clap::builder::Str]| names.iter().any(|name| *name == DOCUMENT);
    match argument.get_value_names().is_some_and(is_document) {
        true => Candidates::Documents,
        false => Candidates::Words(Vec::new()),
    }
}

impl Completer for Completions {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        context: &Context<'_>,
    ) -> Result<(usize, Vec<Pair>), ReadlineError> {
        let before = line.get(..position).unwrap_or_default();
        let start = before.rfind(' ').map_or(0, |at| at + 1);
        let (earlier, word) = before.split_at_checked(start).unwrap_or((before, ""));
        let candidates = match self.candidates(earlier, word) {
            Candidates::Words(words) => words,
            Candidates::Documents => self.documents(),
            Candidates::Paths => return self.files.complete(line, position, context),
        };
        let fitting = candidates.into_iter().filter(|candidate| candidate.starts_with(word));
        let pair = |text: String| Pair { display: text.clone(), replacement: text };
        Ok((start, fitting.map(pair).collect()))
    }
}

impl Helper for Completions {}
impl Highlighter for Completions {}
impl Validator for Completions {}
impl Hinter for Completions {
    type Hint = String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_follow() {
        let completions = Completions::new(None);
        let Candidates::Words(names) = completions.candidates("", "") else { panic!("no names") };
        for name in ["sync", "verify", "why", "remove", "quit", "exit", "help", "get", "status"] {
            assert!(names.iter().any(|other| other == name), "{name} in {names:?}");
        }
        assert_eq!(completions.candidates("help ", ""), Candidates::Words(names));
        let options = Candidates::Words(vec!["--files".into()]);
        assert_eq!(completions.candidates("list ", "-"), options);
        for (earlier, word, candidates) in [
            ("get ", "", Candidates::Documents),
            ("get 5 --out ", "", Candidates::Paths),
            ("get --digests ", "a", Candidates::Paths),
            ("get --force ", "", Candidates::Documents),
            ("get --from ", "", Candidates::Words(Vec::new())),
            ("add ", "", Candidates::Paths),
            ("remove ", "", Candidates::Documents),
            ("why ", "", Candidates::Documents),
            ("peers ", "", Candidates::Words(Vec::new())),
            ("nonsense ", "", Candidates::Words(Vec::new())),
        ] {
            assert_eq!(completions.candidates(earlier, word), candidates, "{earlier:?} {word:?}");
        }
    }
}
