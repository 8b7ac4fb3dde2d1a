//! Completion in the shell, derived from the definition of the commands.

use clap::{Arg, Command, CommandFactory, ValueHint};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::listed::Listed;
use crate::cli::command::Line;
use crate::cli::values::named::{is_document, typed_in_shell};
use crate::library::SharedLibrary;

/// Completes commands, options, paths, and the names of documents that are shared or were listed last.
pub(in crate::cli) struct Completions {
    line: Command,
    files: FilenameCompleter,
    library: Option<SharedLibrary>,
    listed: Listed,
}

/// The kinds of words that may be at the cursor.
#[derive(Debug, Eq, PartialEq)]
enum Candidates {
    Words(Vec<String>),
    Paths,
    Documents,
}

impl Completions {
    pub(in crate::cli) fn new(library: Option<SharedLibrary>, listed: Listed) -> Self {
        let mut line = Line::command();
        // Adds `help`.
        line.build();
        Self { line, files: FilenameCompleter::new(), library, listed }
    }

    /// The words that may follow `earlier`, if they begin with `word`.
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
        let mut documents = self.listed.documents();
        if let Some(library) = &self.library {
            let library = library.read();
            documents.extend(library.documents().map(|(document, _)| document.clone()));
        }
        documents.iter().map(typed_in_shell).collect()
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
    match is_document(argument) {
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
        // The next word can be typed directly after it.
        let pair = |text: String| Pair { replacement: format!("{text} "), display: text };
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
    use crate::protocol::Document;

    #[test]
    fn a_complete_word_is_followed_by_a_blank() {
        let completions = Completions::new(None, Listed::default());
        let history = rustyline::history::DefaultHistory::new();
        let context = Context::new(&history);
        for (line, start, replacement) in
            [("loo", 0, "lookup "), ("lookup --p", 7, "--probe "), ("help sy", 5, "sync ")]
        {
            let (at, found) = completions.complete(line, line.len(), &context).unwrap();
            let found: Vec<String> = found.into_iter().map(|pair| pair.replacement).collect();
            assert_eq!((at, found), (start, vec![replacement.to_string()]), "{line}");
        }
    }

    #[test]
    fn the_documents_of_the_last_list_are_completed() {
        let listed = Listed::default();
        let completions = Completions::new(None, listed.clone());
        let file = |name: &str| Document::File(name.parse().unwrap());
        listed.begin(&file("old.txt"));
        listed.begin(&file("b.txt"));
        listed.add(&file("a b.txt"));
        listed.add(&file("b.txt"));
        let history = rustyline::history::DefaultHistory::new();
        let found = completions.complete("get ", 4, &Context::new(&history)).unwrap().1;
        let found: Vec<&str> = found.iter().map(|pair| pair.replacement.as_str()).collect();
        assert_eq!(found, ["a%20b.txt ", "b.txt "]);
    }

    #[test]
    fn a_name_with_blanks_is_one_word() {
        for (name, word) in [
            ("a.txt", "a.txt"),
            ("a b.txt", "a%20b.txt"),
            ("it's", "it%27s"),
            ("42", "FILE:42"),
            ("1-5", "FILE:1-5"),
        ] {
            let document = Document::File(name.parse().unwrap());
            assert_eq!(typed_in_shell(&document), word);
        }
        assert_eq!(typed_in_shell(&Document::Rfc("7".parse().unwrap())), "7");
    }

    #[test]
    fn words_that_can_follow() {
        let completions = Completions::new(None, Listed::default());
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
            ("unknown ", "", Candidates::Words(Vec::new())),
        ] {
            assert_eq!(completions.candidates(earlier, word), candidates, "{earlier:?} {word:?}");
        }
    }
}
