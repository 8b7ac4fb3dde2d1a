//! Tips for a surplus argument, where one helps: a mistyped command was parsed as the server, a name with
//! blanks is not quoted, or a command takes only one document.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error, ValueHint};

use super::values::document_words::is_document;
use super::values::named::{Range, parse_range};
use crate::protocol::similar;

/// The tip for the words of a command line of `program`, or an empty text. A mistyped command is before the
/// surplus word if it was parsed as the server.
pub(super) fn surplus_tip(error: &Error, program: &Command, words: &[OsString]) -> String {
    let Some(ContextValue::String(surplus)) = error.get(ContextKind::InvalidArg) else {
        return String::new();
    };
    if error.kind() != ErrorKind::UnknownArgument || surplus.starts_with('-') {
        return String::new();
    }
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let at = words.iter().position(|word| program.find_subcommand(word).is_some());
    let tip = match at.and_then(|at| words.split_at_checked(at)) {
        Some((_, [command, values @ ..])) => {
            program.find_subcommand(command).and_then(|command| tip_for(command, values))
        }
        _ => words.iter().skip(1).find_map(|word| mistyped(program, word)),
    };
    tip.map_or_else(String::new, |tip| format!("  tip: {tip}\n"))
}

fn mistyped(program: &Command, word: &str) -> Option<String> {
    let commands = program.get_subcommands().map(Command::get_name);
    let similar = similar(word, commands)?;
    Some(format!("a similar command exists: '{similar}'"))
}

/// The tip for the words after a command that takes one document or path.
fn tip_for(command: &Command, words: &[&str]) -> Option<String> {
    let argument = command.get_positionals().next()?;
    if !is_name(argument) || argument.get_num_args().is_some_and(|count| count.max_values() > 1) {
        return None;
    }
    let values: Vec<&str> =
        words.iter().copied().take_while(|word| !word.starts_with('-')).collect();
    let (last, first) = values.split_last()?;
    if first.is_empty() {
        return None;
    }
    let command = command.get_name();
    if first.iter().any(|word| is_complete(word))
        || is_number(last) && first.iter().all(|word| is_number(word))
    {
        return Some(format!("`{command}` takes one document"));
    }
    let name = values.join(" ");
    let quoted = shlex::try_quote(&name).ok()?;
    Some(format!("a name with blanks is one argument, in quotes: `{command} {quoted}`"))
}

/// Whether an argument is the name of a document or a file.
fn is_name(argument: &Arg) -> bool {
    is_document(argument) || matches!(argument.get_value_hint(), ValueHint::FilePath)
}

/// Whether a word is the end of a name, such as `notes.txt`.
fn is_complete(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && extension.len() <= 5
            && extension.starts_with(|first: char| first.is_ascii_alphabetic())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_number(word: &str) -> bool {
    !matches!(parse_range(word), Ok(Range::One(crate::protocol::Document::File(_))) | Err(_))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::command::Line;
    use crate::cli::values::document_words::join_kinds;

    #[test]
    fn a_surplus_argument_has_a_tip_where_one_helps() {
        let quotes = "a name with blanks is one argument, in quotes: ";
        let one = "`lookup` takes one document";
        for (line, tip) in [
            (
                "lookup Lecture recording 01.mp4",
                format!("{quotes}`lookup 'Lecture recording 01.mp4'`"),
            ),
            ("lookup Lecture 1", format!("{quotes}`lookup 'Lecture 1'`")),
            ("add my notes.txt --title T", format!("{quotes}`add 'my notes.txt'`")),
            ("remove my notes", format!("{quotes}`remove 'my notes'`")),
            ("lookup 793 794", one.into()),
            ("lookup RFC 793 RFC 794", one.into()),
            ("lookup a.txt b.txt", one.into()),
            ("list x", String::new()),
            ("peers x", String::new()),
            ("browse h:1 x", String::new()),
            ("quit now", String::new()),
            ("serach x", String::new()),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            let words = join_kinds(&Line::command(), words);
            let error = clap::Parser::try_parse_from(words.clone()).map(|_: Line| ()).unwrap_err();
            let found = surplus_tip(&error, &Line::command(), &words);
            assert_eq!(found.trim().trim_start_matches("tip: "), tip, "{line}");
        }
    }
}
