//! Completion in the shell, derived from the definition of the commands.

use clap::{Arg, Command, CommandFactory, ValueHint};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::inserted::{fitting, pairs, with_end};
use super::listed::Listed;
use super::remote::Remote;
use super::word::{Word, split};
use crate::cli::command::{Line, is_local};
use crate::cli::topics::TOPICS;
use crate::cli::values::document_words::{is_document, join_kinds};
use crate::cli::values::endpoints::HOLDER;
use crate::cli::values::named::{typed, typed_in_shell};
use crate::escape::escaped;
use crate::library::SharedLibrary;
use crate::peer::Registrations;
use crate::protocol::Document;

/// Completes commands, options, paths, documents and peers.
pub(in crate::cli) struct Completions {
    line: Command,
    files: FilenameCompleter,
    library: Option<SharedLibrary>,
    listed: Listed,
    remote: Remote,
    /// The words before the value that the menu asks for, which is a line of its own.
    asked: Option<Vec<String>>,
}

/// The kinds of words that may be at the cursor.
#[derive(Debug, Eq, PartialEq)]
enum Candidates {
    Words(Vec<String>),
    Paths,
    /// The word is after `RFC`, or after `FILE`.
    Documents {
        is_local: bool,
        kind: Option<&'static str>,
    },
    Peers,
}

impl Completions {
    /// Completions with documents of this library, of the last list, and of the index of a session.
    pub(in crate::cli) fn new(
        library: Option<SharedLibrary>,
        listed: Listed,
        registrations: Option<&Registrations>,
    ) -> Self {
        let mut line = Line::command();
        // Adds `help`.
        line.build();
        let remote = registrations.map(Remote::new).unwrap_or_default();
        Self { line, files: FilenameCompleter::new(), library, listed, remote, asked: None }
    }

    /// From now on completes lines that are the value after these words of a command.
    pub(super) fn complete_value_of(&mut self, words: &[String]) {
        self.asked = Some(words.to_vec());
    }

    /// All candidates at the cursor; `None` if they are paths.
    fn texts(&self, earlier: &[String], word: &str) -> Option<Vec<String>> {
        match self.candidates(earlier, word) {
            Candidates::Words(words) => Some(words),
            Candidates::Documents { is_local, kind } => Some(self.documents(is_local, kind)),
            Candidates::Peers => Some(self.peers()),
            Candidates::Paths => None,
        }
    }

    /// The words that may follow `earlier`, if they begin with `word`.
    fn candidates(&self, earlier: &[String], word: &str) -> Candidates {
        let Some((name, arguments)) = earlier.split_first() else {
            return Candidates::Words(names(&self.line));
        };
        if matches!(&**name, "help" | "?") {
            return Candidates::Words(match arguments {
                [] => {
                    let topics = TOPICS.iter().map(|topic| topic.name.into());
                    names(&self.line).into_iter().chain(topics).collect()
                }
                _ => Vec::new(),
            });
        }
        let Some(command) = self.line.find_subcommand(name) else {
            return Candidates::Words(Vec::new());
        };
        if let Some(option) = arguments.last().and_then(|before| option_with_value(command, before))
        {
            return candidates_of(command, option, None);
        }
        let is_end_of_options = arguments.iter().any(|argument| argument == "--");
        if word.starts_with('-') && !is_end_of_options {
            return Candidates::Words(options(command));
        }
        let (count, kind) = positionals(command, earlier);
        match command.get_positionals().next() {
            Some(argument) if count == 0 || is_list(argument) => {
                candidates_of(command, argument, kind)
            }
            _ => Candidates::Words(Vec::new()),
        }
    }

    /// The texts of documents, each in the form in which it can be typed.
    fn documents(&self, is_local: bool, kind: Option<&str>) -> Vec<String> {
        let mut documents = Vec::new();
        if let Some(library) = &self.library {
            let library = library.read();
            documents.extend(library.documents().map(|(document, _)| document.clone()));
        }
        if !is_local {
            documents.extend(self.listed.documents());
            documents.extend(self.remote.names().documents.iter().cloned());
        }
        documents.sort();
        documents.dedup();
        documents.iter().filter_map(|document| text_of(document, kind)).collect()
    }

    fn peers(&self) -> Vec<String> {
        self.remote.names().peers.iter().map(ToString::to_string).collect()
    }
}

/// The text of a document, or `None` if it is not of this kind.
fn text_of(document: &Document, kind: Option<&str>) -> Option<String> {
    let name = match (document, kind) {
        (Document::Rfc(number), None | Some("RFC")) => return Some(number.to_string()),
        (Document::Rfc(_), _) | (Document::File(_), Some("RFC")) => return None,
        (Document::File(name), _) => name.as_str().to_string(),
    };
    if escaped(&name).to_string() != name {
        // Terminal controls stay percent-encoded.
        let encoded = typed(document);
        let name = encoded.strip_prefix("FILE:").filter(|_| kind.is_some());
        return Some(name.map(String::from).unwrap_or(encoded));
    }
    let needs_kind = kind.is_none() && typed_in_shell(document).starts_with("FILE:");
    Some(if needs_kind { format!("FILE:{name}") } else { name })
}

/// The option of a command whose value is the next word.
fn option_with_value<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.strip_prefix("--")?;
    let mut options = command.get_opts().filter(|option| option.get_action().takes_values());
    options.find(|option| option.get_long() == Some(name))
}

/// How many arguments without options follow the command, and the kind of document before the cursor.
fn positionals(command: &Command, words: &[String]) -> (usize, Option<&'static str>) {
    let program = Command::new("").subcommand(command.clone());
    let joined = join_kinds(&program, words);
    let mut arguments = joined.iter().skip(1).filter_map(|word| word.to_str());
    let (mut count, mut last) = (0, "");
    while let Some(word) = arguments.next() {
        if option_with_value(command, word).is_some() {
            arguments.next();
        } else if !word.starts_with('-') {
            count += 1;
        }
        last = word;
    }
    let takes_documents = command.get_positionals().any(is_document);
    match last {
        "FILE" if takes_documents => (count - 1, Some("FILE")),
        word if takes_documents && word.eq_ignore_ascii_case("RFC") => (count - 1, Some("RFC")),
        _ => (count, None),
    }
}

fn is_list(argument: &Arg) -> bool {
    argument.get_num_args().is_some_and(|count| count.max_values() > 1)
}

/// The long options of a command.
fn options(command: &Command) -> Vec<String> {
    let long = |option: &Arg| option.get_long().map(|long| format!("--{long}"));
    let visible = command.get_arguments().filter(|option| !option.is_hide_set());
    visible.filter_map(long).chain(["--help".into()]).collect()
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

fn candidates_of(command: &Command, argument: &Arg, kind: Option<&'static str>) -> Candidates {
    let values = argument.get_possible_values();
    if !values.is_empty() {
        return Candidates::Words(values.iter().map(|value| value.get_name().into()).collect());
    }
    if let ValueHint::AnyPath | ValueHint::FilePath = argument.get_value_hint() {
        return Candidates::Paths;
    }
    let is_peer =
        argument.get_value_names().is_some_and(|names| names.iter().any(|name| *name == HOLDER));
    match is_document(argument) {
        true => Candidates::Documents { is_local: is_local(command.get_name()), kind },
        false if is_peer => Candidates::Peers,
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
        if let Some(words) = &self.asked {
            let candidates = self.texts(words, before).unwrap_or_default();
            let pair = |text: String| Pair { replacement: text.clone(), display: text };
            return Ok((0, fitting(candidates, before).into_iter().map(pair).collect()));
        }
        let (mut earlier, mut word) = split(before);
        // The value of `--option=value`.
        let option_and_value =
            word.text.split_once('=').filter(|(option, _)| option.starts_with("--"));
        if let Some((option, value)) = option_and_value
            && before.get(word.start..).is_some_and(|typed| typed == word.text)
        {
            earlier.push(option.into());
            let start = word.start + option.len() + 1;
            word = Word { start, text: value.into(), quote: None };
        }
        let Some(candidates) = self.texts(&earlier, &word.text) else {
            let (start, pairs) = self.files.complete(line, position, context)?;
            return Ok((start, with_end(pairs, word.quote)));
        };
        Ok((word.start, pairs(fitting(candidates, &word.text), word.quote)))
    }
}

impl Helper for Completions {}
impl Highlighter for Completions {}
impl Validator for Completions {}
impl Hinter for Completions {
    type Hint = String;
}

#[cfg(test)]
mod tests;
