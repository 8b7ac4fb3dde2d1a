//! The parsers of the programs `server` and `peer`, with the help of their commands.

use clap::{Arg, Command, CommandFactory};

use super::args::Args;
use super::command::help_of;
use super::config::keys::{CONFIG, with_config_option};
use super::config::programs::Program;
use super::program::{called, with_names};
use super::server_args;

/// The arguments of the program. The help of each command lists the options that concern it.
///
/// All commands accept all options: a script may give the same ones to all commands.
pub(super) fn peer_command() -> Command {
    with_commands(options_of(Program::Peer))
}

/// The options of a program, without those that only its commands have.
pub(super) fn options_of(program: Program) -> Command {
    let command = match program {
        Program::Server => server_args::Args::command(),
        Program::Peer => Args::command(),
    };
    with_config_option(with_program_names(command), program.default_file_shown())
}

/// The program `peer` with these options.
pub(super) fn with_commands(all: Command) -> Command {
    let is_global = |option: &&Arg| option.is_global_set();
    let options: Vec<Arg> = all.get_arguments().filter(is_global).cloned().collect();
    let names: Vec<String> =
        all.get_subcommands().map(|command| command.get_name().to_string()).collect();
    names.into_iter().fold(all, |all, name| {
        let (used, example) = help_of(&name);
        let options = options.clone().into_iter().map(|option| {
            let is_used = match option.get_id().as_str() {
                CONFIG | "verbose" | "quiet" => true,
                // A service prints no tables.
                "color" | "no_pager" if name == "share" => false,
                id => name == "share" || used.contains(&id),
            };
            let is_hidden = option.is_hide_set() || !is_used;
            option.hide(is_hidden)
        });
        all.mut_subcommand(&name, |command| {
            // `add` works only in the shell, as other hidden commands do.
            let is_hidden = name == "add" || command.is_hide_set();
            let mut command = command.args(options).hide(is_hidden);
            if !example.is_empty() {
                command =
                    command.after_help(with_names(&format!("Example: {example}")).into_owned());
            }
            let usage = command.clone().render_usage().to_string();
            let usage = usage.trim_start_matches("Usage: ");
            command.override_usage(format!("{} [SERVER[:PORT]] {usage}", called("peer")))
        })
    })
}

/// A program whose help has the names under which the programs are called.
pub(super) fn with_program_names(command: Command) -> Command {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command.after_help(with_names(&help).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_a_command_lists_its_options() {
        let mut all = peer_command();
        all.build();
        for command in all.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let (name, help) =
                (command.get_name().to_string(), command.render_long_help().to_string());
            for (option, commands) in [
                ("--upload-limit", "share"),
                ("--explain", "share"),
                ("--compat", "share"),
                ("--host ", "share add"),
                ("--recursive", "share get sync verify read open docs status"),
                ("--download-limit", "share get sync"),
                ("--strict", "share get sync"),
                (
                    "--quiet",
                    "list lookup search browse peers get sync add verify why read open docs status share remove",
                ),
                ("--no-pager", "list lookup search browse peers sync why read docs status"),
                ("--record ", "share"),
                ("--allow-net", "share get sync lookup"),
                ("--out", "get"),
                ("--dry-run", "sync"),
            ] {
                let is_listed = commands.split(' ').any(|command| command == name);
                assert_eq!(help.contains(option), is_listed, "{option} {name}: {help}");
            }
            assert!(help.contains(&format!("Usage: peer [SERVER[:PORT]] {name}")), "{help}");
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
        let help = all.render_long_help().to_string();
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        all.debug_assert();
    }

    #[test]
    fn each_command_has_an_example_that_is_read() {
        let all = peer_command();
        for command in all.get_subcommands() {
            let (options, example) = help_of(command.get_name());
            if !options.is_empty() {
                let read = peer_command().try_get_matches_from(example.split(' '));
                assert!(
                    read.is_ok_and(|found| found.subcommand_name() == Some(command.get_name()))
                );
            }
        }
    }
}
