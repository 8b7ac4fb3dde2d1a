//! Tips for words that another place or another program has: options before their command or of the other program,
//! commands of a peer without `peer`, commands under the names of other programs, a port without a colon. The
//! suggestions of the parser that would not help are removed.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use super::config::file::similar_name;
use super::config::programs::Program;
use super::other_names::{chosen, set_suggestion};
use super::parsers::{options_of, peer_command};
use super::program::called;
use super::topics::TOPICS;
use super::values::document_words::is_document;
use super::values::named::range_meant_by;
use crate::protocol::similar;

/// Names of other programs, and the commands that may be meant: the first one that a program has.
const COMMANDS: [(&[&str], &[&str]); 13] = [
    (&["download", "fetch", "retrieve", "pull"], &["get"]),
    (&["find", "query"], &["search"]),
    (&["ls", "dir", "all"], &["list"]),
    (&["list", "users", "nodes", "connections"], &["peers"]),
    (&["serve", "seed", "publish", "upload"], &["share"]),
    (&["rm", "delete", "unshare"], &["remove"]),
    (&["holders", "where", "locate"], &["lookup"]),
    (&["files", "library"], &["docs"]),
    (&["cat", "show", "view", "less", "print"], &["show", "read"]),
    (&["status", "info"], &["stats", "status"]),
    (&["stop", "shutdown", "quit", "restart"], &["drain"]),
    (&["validate", "verify", "test"], &["check", "verify"]),
    (&["create", "new", "write"], &["init"]),
];

/// The tip for an error of the parser of `program`, or an empty text.
pub(super) fn misplaced_tip(error: &mut Error, program: &Command, words: &[OsString]) -> String {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let text = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let tip = match error.kind() {
        ErrorKind::UnknownArgument => match text(error, ContextKind::InvalidArg) {
            Some(option) if option.starts_with('-') => of_option(error, program, &option, &words),
            Some(surplus) => of_surplus(program, &surplus, &words),
            None => None,
        },
        ErrorKind::InvalidSubcommand => text(error, ContextKind::InvalidSubcommand)
            .and_then(|command| of_command(error, program, &command, &words)),
        ErrorKind::ArgumentConflict => Some("leave out one of them".into()),
        _ => None,
    };
    tip.map_or_else(String::new, |tip| format!("  tip: {tip}\n"))
}

/// The tip for the name of a document that was read as an option because it begins with `-`.
pub(super) fn document_tip(
    error: &mut Error,
    program: &Command,
    words: &[OsString],
) -> Option<String> {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let (command, unknown) = (chosen(program, words), unknown.clone());
    if error.kind() != ErrorKind::UnknownArgument || !takes_documents(command) {
        return None;
    }
    if command.get_name() == "get"
        && let Some(range) = words.iter().filter_map(|word| word.to_str()).find_map(range_to)
    {
        set_suggestion(error, program, None);
        return Some(format!(
            "  tip: a range of RFCs has its first and its last number: `get {range}`\n"
        ));
    }
    let letter = unknown.strip_prefix('-').filter(|rest| rest.chars().count() == 1)?;
    let is_it = |word: &&str| {
        let rest = word.strip_prefix('-').unwrap_or_default();
        rest.len() > 1 && !rest.starts_with('-') && rest.contains(letter)
    };
    let name = words.iter().filter_map(|word| word.to_str()).find(is_it)?;
    let quoted = shlex::try_quote(name).ok()?;
    set_suggestion(error, program, None);
    let command = command.get_name();
    Some(format!("  tip: a name that begins with `-` follows `--`: `{command} -- {quoted}`\n"))
}

/// The range that is meant by `-` and its last number.
fn range_to(word: &str) -> Option<String> {
    range_meant_by(word).filter(|_| word.starts_with('-'))
}

fn takes_documents(command: &Command) -> bool {
    command.get_positionals().any(is_document)
}

/// The command that another name of it means.
pub(super) fn other_command<'a>(program: &'a Command, word: &str) -> Option<&'a str> {
    let (_, meant) = COMMANDS.iter().find(|(names, _)| names.contains(&word))?;
    meant.iter().find_map(|name| Some(program.find_subcommand(name)?.get_name()))
}

fn of_option(
    error: &mut Error,
    program: &Command,
    unknown: &str,
    words: &[&str],
) -> Option<String> {
    // The program has options, too, which stand before its command.
    let before = words.iter().take_while(|word| !word.starts_with(unknown));
    let command = chosen(program, &before.collect::<Vec<_>>());
    // The parser would suggest to pass any option as the value of an argument.
    error.remove(ContextKind::Suggested);
    let name = unknown.split('=').next()?.trim_start_matches('-');
    if let Some(ContextValue::String(suggested)) = error.get(ContextKind::SuggestedArg) {
        let suggested = suggested.trim_start_matches('-');
        let is_short = name.len() >= 3 && suggested.starts_with(name);
        let is_near = is_short || similar_name(name, [suggested].into_iter()).is_some();
        if is_near && has_option(command, suggested) {
            return None;
        }
        set_suggestion(error, program, None);
    }
    let commands: Vec<String> = program
        .get_subcommands()
        .filter(|command| has_option(command, name))
        .map(|command| format!("`{}`", command.get_name()))
        .collect();
    if !commands.is_empty() {
        return Some(format!("`--{name}` is an option of {}", commands.join(", ")));
    }
    let other = [Program::Server, Program::Peer].into_iter().find(|other| {
        other.name() != program.get_name()
            && (has_option(&options_of(*other), name)
                || options_of(*other).get_subcommands().any(|command| has_option(command, name)))
    })?;
    Some(format!("`--{name}` is an option of `{}`", called(other.name())))
}

fn has_option(command: &Command, name: &str) -> bool {
    command.get_arguments().any(|one| one.get_long() == Some(name) && !one.is_hide_set())
}

fn of_surplus(program: &Command, surplus: &str, words: &[&str]) -> Option<String> {
    let is_port = surplus.parse::<u16>().is_ok_and(|port| port > 0);
    let at = words.iter().position(|word| *word == surplus)?;
    let (before, after) = (words.get(..at)?, words.get(at + 1..)?);
    if let Some(command) = before.iter().find_map(|word| program.find_subcommand(word)) {
        return (command.get_name() == "share")
            .then(|| format!("the shared directory is an option: `--share {surplus}`"));
    }
    if program.get_subcommands().next().is_none() {
        let value = if is_port { surplus } else { "7734" };
        return (program.get_name() == Program::Server.name()).then(|| {
            format!("the program has options alone; it listens at a port with `--listen {value}`")
        });
    }
    if let Some(meant) = words.iter().find_map(|word| other_command(program, word)) {
        return Some(format!("the command is called `{meant}`"));
    }
    match before {
        [_, .., host] if is_port && !host.starts_with('-') => {
            Some(format!("a port follows a colon: `{host}:{surplus}`"))
        }
        _ => {
            let has_command = after.iter().any(|word| program.find_subcommand(word).is_some());
            (!has_command).then(|| commands_of(program))
        }
    }
}

fn of_command(
    error: &mut Error,
    program: &Command,
    unknown: &str,
    words: &[&str],
) -> Option<String> {
    let group = chosen(program, words);
    let visible = group.get_subcommands().filter(|command| !command.is_hide_set());
    let near = similar(unknown, visible.map(Command::get_name)).map(str::to_string);
    error.remove(ContextKind::SuggestedSubcommand);
    if let Some(near) = near {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::String(near));
        return None;
    }
    let at = words.iter().position(|word| *word == unknown)?;
    let is_of_help = at.checked_sub(1).and_then(|before| words.get(before)) == Some(&"help");
    let topic = similar(unknown, TOPICS.iter().map(|topic| topic.name));
    if let Some(topic) = topic.filter(|_| is_of_help) {
        return Some(format!("the topic is called `{topic}`"));
    }
    let peer = peer_command();
    let is_of_program = group.get_name() == program.get_name() && program.get_name() == "p2p-ci";
    let meant = peer.find_subcommand(unknown).map(Command::get_name);
    let meant = meant.or_else(|| other_command(&peer, unknown)).filter(|_| is_of_program);
    if let Some(meant) = meant {
        let rest = shlex::try_join(words.get(at + 1..)?.iter().copied()).ok()?;
        let line = match (meant, rest.is_empty() || rest.starts_with('-')) {
            // The directory is no argument of the command.
            ("share", false) => format!("{} SERVER --share {rest} share", called("peer")),
            _ => format!("{} SERVER {meant} {rest}", called("peer")),
        };
        return Some(format!("`{meant}` is a command of a peer: `{}`", line.trim_end()));
    }
    if unknown == "version" {
        return Some("`--version` prints the version".into());
    }
    match other_command(group, unknown) {
        Some(meant) => Some(format!("the command is called `{meant}`")),
        None => Some(commands_of(group)),
    }
}

fn commands_of(program: &Command) -> String {
    let visible = program.get_subcommands().filter(|command| !command.is_hide_set());
    let names: Vec<&str> = visible.map(Command::get_name).filter(|name| *name != "help").collect();
    format!("the commands are {}", names.join(", "))
}

#[cfg(test)]
mod tests;
