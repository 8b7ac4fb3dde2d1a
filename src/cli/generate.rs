//! `p2p-ci generate`: manual pages and completions of shells, from the definitions of the commands. Packages
//! contain both.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, Args, Command, ValueHint};
use clap_complete::{Generator, Shell};

use super::config::keys::keys;
use super::config::manual::{page, page_name};
use super::config::programs::Program;
use super::config::template::template;
use super::errors::failure::Failure;
use super::errors::report::report;
use super::output::outcome::shown;
use super::parsers::options_of;
use super::program::called;

/// The arguments of `p2p-ci generate`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Write the files to this directory, which is created if it does not exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    directory: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write to `{}`", shown(path))]
struct Error {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Writes the files of this program: manual pages to `man`, completions to `completions`, and configurations in
/// which every key is commented out to `config`.
pub(super) fn run(arguments: &Arguments, program: Command) -> ExitCode {
    match write(&arguments.directory, program) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&called("generate"), &error);
            Failure::File.into()
        }
    }
}

/// The completions of a shell.
fn completion(shell: Shell, program: &mut Command, name: &str) -> String {
    let mut written = Vec::new();
    clap_complete::generate(shell, program, name, &mut written);
    let mut text = String::from_utf8_lossy(&written).into_owned();
    match shell {
        // clap_complete 4.6 replaces `-` in two ways, so that no command of a program with such a name is found.
        Shell::Bash => {
            text = text.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"))
        }
        Shell::Fish => text += &values_for_fish(program, name),
        _ => {}
    }
    text
}

/// The values of arguments without an option, which clap_complete leaves out for fish.
fn values_for_fish(program: &Command, name: &str) -> String {
    let function = format!("__fish_{}_using_subcommand", name.replace('-', "_"));
    let inner = |command: &Command| -> Vec<String> {
        let commands = command.get_subcommands().filter_map(|inner| {
            let values: Vec<String> = inner
                .get_positionals()
                .flat_map(Arg::get_possible_values)
                .map(|value| value.get_name().to_string())
                .collect();
            let (outer, values) = (command.get_name(), (!values.is_empty()).then_some(values)?);
            let inner = inner.get_name();
            let condition = format!("{function} {outer}; and __fish_seen_subcommand_from {inner}");
            let values = values.join(" ");
            Some(format!("complete -c {name} -n \"{condition}\" -f -a \"{values}\"\n"))
        });
        commands.collect()
    };
    program.get_subcommands().flat_map(inner).collect()
}

fn write(directory: &Path, mut program: Command) -> Result<(), Error> {
    let [pages, completions, configurations] =
        ["man", "completions", "config"].map(|name| directory.join(name));
    for directory in [&pages, &completions, &configurations] {
        fs::create_dir_all(directory)
            .map_err(|source| Error { path: directory.clone(), source })?;
    }
    let name = program.get_name().to_string();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let path = completions.join(shell.file_name(&name));
        fs::write(&path, completion(shell, &mut program, &name))
            .map_err(|source| Error { path, source })?;
    }
    for program in [Program::Server, Program::Peer] {
        let keys = keys(&options_of(program));
        let page_path = pages.join(format!("{}.5", page_name(program)));
        let configuration = configurations.join(format!("{}.toml", program.name()));
        for (path, text) in
            [(page_path, page(program, &keys)), (configuration, template(program, &keys))]
        {
            fs::write(&path, text).map_err(|source| Error { path, source })?;
        }
    }
    clap_mangen::generate_to(program, &pages).map_err(|source| Error { path: pages, source })
}
