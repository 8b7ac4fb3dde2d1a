//! Options of other programs: the error for one that does not exist names the option that is meant.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use super::program::called;

/// Other names, and the options that may be meant. The first one that a command has is named.
const OTHER_NAMES: [(&[&str], &[&str]); 11] = [
    (&["--port", "-p", "--bind", "--address", "--addr", "--interface"], &["listen", "upload"]),
    (
        &["--upload-port", "--peer-port", "--listen", "--listen-port", "--server-port"],
        &["upload", "listen"],
    ),
    (
        &["--dir", "-d", "--directory", "--folder", "--path", "--docs", "--rfc-dir", "--rfcs"],
        &["share", "directory"],
    ),
    (&["--output", "-o", "--dest", "--destination"], &["out"]),
    (&["--debug", "--log", "--log-level"], &["log", "verbose"]),
    (&["--silent", "-s"], &["quiet"]),
    (&["--hostname", "--name"], &["host"]),
    (&["--compatible", "--compatibility", "--compat-mode"], &["compat"]),
    (&["--pcap", "--pcapng", "--capture"], &["record"]),
    (&["--json"], &["format"]),
    (&["--force"], &["record-force"]),
];

/// Other names of the index server, which is an argument.
const SERVER: [&str; 6] =
    ["--server", "--index", "--index-server", "--server-host", "--server-address", "--connect"];

/// Makes the error for an unknown option name the option that is meant. Parsers suggest similar letters, which
/// are often those of another option. Returns a tip if an argument is meant, an empty one if the error names the
/// option, and `None` if the option is none of those of other programs.
pub(super) fn suggest(
    error: &mut Error,
    program: &Command,
    words: &[OsString],
) -> Option<&'static str> {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let unknown = unknown.split('=').next().unwrap_or_default().to_string();
    let has_server = program.get_positionals().any(|argument| argument.get_id() == "server");
    if has_server && SERVER.contains(&unknown.as_str()) {
        set_suggestion(error, program, None);
        return Some(
            "  tip: the index server is an argument without an option, such as `localhost:7734`\n",
        );
    }
    let (_, meant) = OTHER_NAMES.iter().find(|(names, _)| names.contains(&unknown.as_str()))?;
    let command = chosen(program, words);
    let has = |command: &Command, name: &str| {
        command.get_arguments().any(|one| one.get_long() == Some(name) && !one.is_hide_set())
    };
    let name = meant.iter().find(|name| has(command, name) || has(program, name))?;
    set_suggestion(error, program, Some(format!("--{name}")));
    Some("")
}

/// Replaces the suggestion, and a usage line that shows the option that was suggested first.
pub(super) fn set_suggestion(error: &mut Error, program: &Command, option: Option<String>) {
    let first = match option {
        Some(option) => error.insert(ContextKind::SuggestedArg, ContextValue::String(option)),
        None => error.remove(ContextKind::SuggestedArg),
    };
    error.remove(ContextKind::Suggested);
    if first.is_some() {
        let usage = program.clone().bin_name(called(program.get_name())).render_usage();
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    }
}

/// The command that the words name.
pub(super) fn chosen<'a>(program: &'a Command, words: &[impl AsRef<OsStr>]) -> &'a Command {
    let name = |word| program.find_subcommand(AsRef::<OsStr>::as_ref(word));
    match words.iter().enumerate().find_map(|(place, word)| Some((place, name(word)?))) {
        Some((place, command)) => chosen(command, words.get(place + 1..).unwrap_or_default()),
        None => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::programs::Program;
    use crate::cli::parsers::{options_of, peer_command};

    fn message(program: &Command, words: &str) -> String {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let mut error = program.clone().try_get_matches_from(&words).unwrap_err();
        let tip = suggest(&mut error, program, &words).unwrap_or_default();
        format!("{error}{tip}")
    }

    #[test]
    fn an_option_of_other_programs_names_the_one_that_is_meant() {
        let (server, peer) = (options_of(Program::Server), peer_command());
        for (program, words, option) in [
            (&server, "server --port 5", "--listen"),
            (&server, "server --port=5", "--listen"),
            (&server, "server -p 5", "--listen"),
            (&server, "server --bind 0.0.0.0", "--listen"),
            (&server, "server --pcap x", "--record"),
            (&server, "server --log-level debug", "--log"),
            (&server, "server --record x --force", "--record-force"),
            (&peer, "peer --record x --force", "--record-force"),
            (&peer, "peer --upload-port 5", "--upload"),
            (&peer, "peer localhost --port 5", "--upload"),
            (&peer, "peer --listen 5", "--upload"),
            (&peer, "peer --dir x", "--share"),
            (&peer, "peer get 1 -o x", "--out"),
            (&peer, "peer --hostname x", "--host"),
            (&peer, "peer list --json", "--format"),
        ] {
            let message = message(program, words);
            let expected = format!("a similar argument exists: '{option}'");
            assert!(message.contains(&expected), "{words}: {message}");
            assert!(!message.contains("slots"), "{words}: {message}");
        }
        let message = message(&peer, "peer --server localhost");
        assert!(message.contains("is an argument without an option"), "{message}");
    }
}
