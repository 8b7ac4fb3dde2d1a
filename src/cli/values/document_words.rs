//! The words of a command that are documents: the two words that lists print, such as `RFC 793`, are one, and
//! a row of the last list, such as `%3`, is the document of that row.

use std::ffi::{OsStr, OsString};

use clap::{Arg, Command};

use super::named::{is_number, row_of, split_range};
use crate::protocol::Document;

/// The name of arguments that are documents, by which completion recognizes them, too.
pub(in crate::cli) const DOCUMENT: &str = "N";
/// Joins `RFC` and `FILE` with the next word, after a command of `program` that takes documents.
pub(in crate::cli) fn join_kinds<W>(
    program: &Command,
    words: impl IntoIterator<Item = W>,
) -> Vec<OsString>
where
    W: Into<OsString>,
{
    let mut joined: Vec<OsString> = Vec::new();
    let (mut command, mut kind_may_follow, mut kind) = (None, false, None);
    for word in words.into_iter().map(Into::into) {
        let text = word.to_str().unwrap_or_default();
        let is_name = !text.is_empty() && !text.starts_with('-');
        match kind.take() {
            Some("RFC") if is_number(text) || split_range(text).is_some() => {
                if let Some(last) = joined.last_mut() {
                    push_word(last, &word);
                }
            }
            Some("FILE") if is_name => {
                if let Some(last) = joined.last_mut() {
                    push_word(last, &word);
                }
            }
            _ => {
                kind = kind_of(text).filter(|_| kind_may_follow);
                let named = program.find_subcommand(text).filter(|named| takes_documents(named));
                command = command.or(named);
                kind_may_follow =
                    command.is_some_and(|command| !takes_value(program, command, text));
                joined.push(word);
            }
        }
    }
    joined
}

/// The kind that a word of a list names.
fn kind_of(word: &str) -> Option<&'static str> {
    match word {
        "FILE" => Some("FILE"),
        _ if word.eq_ignore_ascii_case("RFC") => Some("RFC"),
        _ => None,
    }
}

/// Replaces rows of the last list, such as `%3`, by their documents, after a command of `program` that takes
/// documents.
pub(in crate::cli) fn with_rows(
    program: &Command,
    words: Vec<OsString>,
    row: impl Fn(usize) -> Result<Document, String>,
) -> Result<Vec<OsString>, String> {
    let first = words.first().and_then(|word| word.to_str()).unwrap_or_default();
    let Some(command) = program.find_subcommand(first).filter(|named| takes_documents(named))
    else {
        return Ok(words);
    };
    let mut is_value = false;
    let replace = |word: OsString| {
        let text = word.to_str().unwrap_or_default();
        let number = row_of(text).filter(|_| !is_value);
        is_value = takes_value(program, command, text);
        match number {
            Some(number) => row(number).map(|document| match document {
                Document::Rfc(number) => number.to_string().into(),
                Document::File(name) => format!("FILE:{}", name.as_str()).into(),
            }),
            None => Ok(word),
        }
    };
    words.into_iter().map(replace).collect()
}

/// Whether the arguments of a command are documents.
fn takes_documents(command: &Command) -> bool {
    command.get_positionals().any(is_document)
}

/// Whether an argument is a document.
pub(in crate::cli) fn is_document(argument: &Arg) -> bool {
    argument.get_value_names().is_some_and(|names| names.iter().any(|name| *name == DOCUMENT))
}

/// Whether a word is an option of a command, or of all commands, whose value is the next word.
fn takes_value(program: &Command, command: &Command, word: &str) -> bool {
    let Some(long) = word.strip_prefix("--") else { return false };
    let options = command.get_opts().chain(program.get_opts());
    let mut options = options.filter(|option| option.get_action().takes_values());
    options.any(|option| option.get_long() == Some(long))
}

fn push_word(to: &mut OsString, word: &OsStr) {
    to.push(" ");
    to.push(word);
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    fn program() -> Command {
        let documents = || Arg::new("documents").value_name(DOCUMENT);
        let force = Arg::new("force").long("force").action(ArgAction::SetTrue);
        let out = Arg::new("out").long("out").value_name("PATH");
        Command::new("peer")
            .arg(Arg::new("share").long("share").global(true))
            .subcommand(Command::new("get").args([documents(), force, out]))
            .subcommand(Command::new("lookup").arg(documents()))
            .subcommand(Command::new("search").arg(Arg::new("words").value_name("WORDS")))
    }

    #[test]
    fn the_two_words_that_a_list_prints_are_one_document() {
        for (words, joined) in [
            ("get RFC 7 8", "get|RFC 7|8"),
            ("get --force RFC 7-9 FILE a", "get|--force|RFC 7-9|FILE a"),
            ("peer h lookup FILE a%20b.txt", "peer|h|lookup|FILE a%20b.txt"),
            ("get --out FILE 7", "get|--out|FILE|7"),
            ("get --share FILE 7", "get|--share|FILE|7"),
            ("get RFC", "get|RFC"),
            ("get RFC x", "get|RFC|x"),
            ("get FILE --force", "get|FILE|--force"),
            ("search RFC 7", "search|RFC|7"),
        ] {
            let found = join_kinds(&program(), words.split(' '));
            let found: Vec<&str> = found.iter().filter_map(|word| word.to_str()).collect();
            assert_eq!(found.join("|"), joined, "{words}");
        }
    }
}
