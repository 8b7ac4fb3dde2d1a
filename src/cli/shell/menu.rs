//! The menu: numbered operations, each of which asks for its values. Their commands are run as those of the
//! shell.

use std::borrow::Cow;

use clap::{CommandFactory, Parser};

use super::listed::Listed;
use super::source::Source;
use crate::cli::command::Line;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::print::print_message;
use crate::cli::output::wrapping::labelled;
use crate::cli::usage::escaped_lines;
use crate::cli::values::document_words::{join_kinds, with_rows};
use crate::escape::excerpt;

/// An operation, which is a command of the shell.
struct Operation {
    text: &'static str,
    command: &'static str,
    values: &'static [Value],
}

/// A value of a command.
struct Value {
    prompt: &'static str,
    /// The option with this value. Other values are arguments.
    option: Option<&'static str>,
    /// Whether an empty line leaves the value out.
    is_optional: bool,
    /// Whether each word is an argument. Otherwise the whole line is one, also with blanks.
    is_list: bool,
}

const fn one(prompt: &'static str) -> Value {
    Value { prompt, option: None, is_optional: false, is_list: false }
}

const DOCUMENT: Value = one("document (RFC number or file name): ");

const OPERATIONS: [Operation; 14] = [
    Operation { text: "list all RFCs", command: "list", values: &[] },
    Operation { text: "list all other documents", command: "list --files", values: &[] },
    Operation {
        text: "search titles",
        command: "search",
        values: &[Value { is_list: true, ..one("words of the title: ") }],
    },
    Operation { text: "look up the holders of a document", command: "lookup", values: &[DOCUMENT] },
    Operation {
        text: "download a document",
        command: "get",
        values: &[one("document (RFC number, range such as 700-710, or file name): ")],
    },
    Operation {
        text: "download everything that is missing here",
        command: "sync",
        values: &[Value {
            option: Some("--match"),
            is_optional: true,
            ..one("only titles with these words [all]: ")
        }],
    },
    Operation {
        text: "share a file",
        command: "add",
        values: &[
            one("path of the file, or RFC number: "),
            Value {
                option: Some("--title"),
                is_optional: true,
                ..one("title [from the document]: ")
            },
        ],
    },
    Operation { text: "stop sharing a document", command: "remove", values: &[DOCUMENT] },
    Operation { text: "list shared documents", command: "docs", values: &[] },
    Operation { text: "list all peers", command: "peers", values: &[] },
    Operation {
        text: "list the documents of a peer",
        command: "browse",
        values: &[one("peer (HOST:PORT): ")],
    },
    Operation {
        text: "show the text of a document that is here",
        command: "read",
        values: &[DOCUMENT],
    },
    Operation { text: "check downloaded files", command: "verify", values: &[] },
    Operation { text: "show the state of this peer", command: "status", values: &[] },
];

/// The menu. It is printed before the first question, and again after a wrong answer or an empty one.
pub(super) struct Menu {
    is_due: bool,
    listed: Listed,
}

impl Menu {
    /// A menu in whose values `%3` is the third row of the last list.
    pub(super) fn new(listed: Listed) -> Self {
        Self { is_due: true, listed }
    }

    /// Asks for an operation and its values, and returns the line of the shell that runs it; `None` at the
    /// end of input.
    ///
    /// # Errors
    /// When input cannot be read.
    pub(super) fn next_line(
        &mut self,
        source: &mut Source,
    ) -> Result<Option<String>, CommandError> {
        let nothing = ["quit".to_string()];
        loop {
            if std::mem::take(&mut self.is_due) {
                print_menu();
            }
            let Some(choice) =
                answer(source, "operation (0 ends, Enter shows the menu): ", &nothing)?
            else {
                return Ok(None);
            };
            match choice.parse::<usize>() {
                Ok(0) => return Ok(Some("quit".into())),
                Ok(number) if number <= OPERATIONS.len() => {
                    let operation = OPERATIONS.get(number - 1);
                    return operation.map_or(Ok(None), |operation| self.line(operation, source));
                }
                _ if matches!(&*choice, "quit" | "exit") => return Ok(Some(choice)),
                _ => {
                    self.is_due = true;
                    if !choice.is_empty() {
                        let most = OPERATIONS.len();
                        let found = excerpt(&choice);
                        let message = format!("expected a number from 0 to {most}, found {found}");
                        print_message(labelled("", &message));
                    }
                }
            }
        }
    }

    /// The line of an operation with the values that are typed; `None` at the end of input.
    fn line(
        &self,
        operation: &Operation,
        source: &mut Source,
    ) -> Result<Option<String>, CommandError> {
        let mut words: Vec<String> = operation.command.split(' ').map(String::from).collect();
        for value in operation.values {
            match self.ask_for(value, &words, source)? {
                Some(typed) => words.extend(typed),
                None => return Ok(None),
            }
        }
        let quoted = words.iter().map(|word| shlex::try_quote(word).unwrap_or(Cow::Borrowed(word)));
        Ok(Some(quoted.collect::<Vec<_>>().join(" ")))
    }

    /// Asks for a value until the command accepts it.
    fn ask_for(
        &self,
        value: &Value,
        words: &[String],
        source: &mut Source,
    ) -> Result<Option<Vec<String>>, CommandError> {
        let option = value.option.map(String::from);
        let before: Vec<String> = words.iter().cloned().chain(option).collect();
        loop {
            let Some(typed) = answer(source, value.prompt, &before)? else { return Ok(None) };
            if typed.is_empty() {
                if value.is_optional {
                    return Ok(Some(Vec::new()));
                }
                print_message("expected a value, found an empty line");
                continue;
            }
            let typed = value.words(&typed);
            let line = join_kinds(&Line::command(), [words, &typed].concat());
            let line = with_rows(&Line::command(), line, |number| self.listed.row(number));
            match line.map(Line::try_parse_from) {
                Ok(Ok(_)) => return Ok(Some(typed)),
                Ok(Err(error)) => print_message(reason(&error)),
                Err(error) => print_message(error),
            }
        }
    }
}

fn print_menu() {
    for (number, operation) in OPERATIONS.iter().enumerate() {
        print_message(labelled(&format!("{:>3}  ", number + 1), operation.text));
    }
    print_message("  0  quit");
}

impl Value {
    fn words(&self, typed: &str) -> Vec<String> {
        // A name may be quoted, as in the shell.
        let quoted = typed.starts_with(['"', '\'']).then(|| shlex::split(typed)).flatten();
        let words = match quoted {
            Some(words) if self.is_list || words.len() == 1 => words,
            _ if self.is_list => typed.split_whitespace().map(String::from).collect(),
            _ => vec![typed.into()],
        };
        match self.option {
            Some(option) => vec![format!("{option}={}", words.join(" "))],
            // A name may begin with `-`.
            None if words.iter().any(|word| word.starts_with('-')) => {
                [vec!["--".into()], words].concat()
            }
            None => words,
        }
    }
}

/// The next answer without blanks around it. A line that is no text is asked for again.
fn answer(
    source: &mut Source,
    prompt: &str,
    words: &[String],
) -> Result<Option<String>, CommandError> {
    loop {
        match source.ask(prompt, words) {
            Ok(line) => return Ok(line.map(|line| line.trim().to_string())),
            Err(CommandError::Usage(error)) => print_message(error),
            Err(error) => return Err(error),
        }
    }
}

/// The first paragraph of an error of the parser, without the name of the argument.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let first = text.split("\n\n").next().unwrap_or(text);
    let expected = first.find("': expected").and_then(|at| first.get(at..));
    let reason = expected.and_then(|text| text.strip_prefix("': ")).unwrap_or(first);
    escaped_lines(reason).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_a_command_of_the_shell() {
        for operation in OPERATIONS {
            let mut words: Vec<String> = operation.command.split(' ').map(String::from).collect();
            for value in operation.values {
                let typed = if operation.command == "browse" { "h:1" } else { "a b" };
                words.extend(value.words(typed));
            }
            assert!(Line::try_parse_from(&words).is_ok(), "{words:?}");
        }
    }

    #[test]
    fn a_value_needs_no_quotes_and_may_have_them() {
        for (typed, words) in [
            ("793", vec!["793"]),
            ("RFC 793", vec!["RFC 793"]),
            ("Lecture recording 01.mp4", vec!["Lecture recording 01.mp4"]),
            ("\"Lecture recording 01.mp4\"", vec!["Lecture recording 01.mp4"]),
            ("it's", vec!["it's"]),
            ("--force", vec!["--", "--force"]),
        ] {
            assert_eq!(DOCUMENT.words(typed), words, "{typed}");
        }
        let list = Value { is_list: true, ..one("") };
        assert_eq!(list.words("tcp  congestion"), ["tcp", "congestion"]);
        let option = Value { option: Some("--title"), ..one("") };
        assert_eq!(option.words("a b"), ["--title=a b"]);
    }
}
