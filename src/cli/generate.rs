//! `p2p-ci generate`: manual pages and completions of shells, from the definitions of the commands. Packages
//! contain both.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, ValueHint};
use clap_complete::{Generator, Shell};

use super::completions::completions;
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

fn write(directory: &Path, program: Command) -> Result<(), Error> {
    let [pages, shells, configurations] =
        ["man", "completions", "config"].map(|name| directory.join(name));
    for directory in [&pages, &shells, &configurations] {
        fs::create_dir_all(directory)
            .map_err(|source| Error { path: directory.clone(), source })?;
    }
    let name = program.get_name().to_string();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let path = shells.join(shell.file_name(&name));
        fs::write(&path, completions(shell, &program)).map_err(|source| Error { path, source })?;
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
