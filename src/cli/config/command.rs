//! `p2p-ci config`: the values in effect, a check of a file, and a commented file.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueHint};

use super::error::ConfigError;
use super::keys::{CONFIG, keys};
use super::layers::{Configured, NotConfigured, check_file};
use super::programs::Program;
use super::template::template;
use super::values::lines;
use super::values_json::object;
use crate::cli::errors::failure::Failure;
use crate::cli::errors::report::report;
use crate::cli::output::format::{Format, without_format};
use crate::cli::output::print::{print_json, print_line, print_note, print_prose};
use crate::cli::parsers::options_of;
use crate::cli::program::called;
use crate::cli::usage::{peer_configured, read_peer, read_server, server_configured};
use crate::escape::escaped_path;

/// The arguments of `p2p-ci config`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the values in effect, and where each is from
    Show {
        /// Print lines of a configuration file (`raw`, `table`) or JSON; may also follow PROGRAM
        #[arg(long, value_enum, value_name = "FORMAT", default_value = "raw")]
        format: Format,
        #[arg(value_enum, value_name = "PROGRAM")]
        program: Program,
        /// Arguments of the program, such as `--config FILE`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<OsString>,
    },
    /// Check a file
    Check {
        #[arg(value_enum, value_name = "PROGRAM")]
        program: Program,
        /// The file [default: the one that the program reads]
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Write a file in which every key is explained and commented out
    Init {
        #[arg(value_enum, value_name = "PROGRAM")]
        program: Program,
        /// The file, or `-` for standard output [default: the one that the program reads]
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// Replace the file if it exists
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Together(String),
    #[error("{0} exists; replace it with `--force`, or name another file")]
    Exists(String),
    #[error("cannot write {path}")]
    Write { path: String, source: io::Error },
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("this system has no place for the file; name one")]
    NoPlace,
}

/// Runs the command.
pub(in crate::cli) fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.action {
        Action::Show { format, program, arguments } => show(*format, *program, arguments),
        Action::Check { program, file } => check(*program, file.as_deref()),
        Action::Init { program, file, force } => init(*program, file.as_deref(), *force),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Config(ConfigError(mistakes))) => {
            mistakes.iter().for_each(print_note);
            Failure::Config.into()
        }
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Failure::File.into()
        }
        Err(error) => {
            report(&called("config"), &error);
            Failure::File.into()
        }
    }
}

fn show(format: Format, program: Program, arguments: &[OsString]) -> Result<(), Error> {
    let (format, arguments) = without_format(format, arguments);
    match program {
        Program::Server => print(format, program, &server_configured(&arguments)),
        Program::Peer => print(format, program, &peer_configured(&arguments)),
    }
    .map_err(Error::Output)
}

fn print<A>(format: Format, program: Program, configured: &Configured<A>) -> io::Result<()> {
    match format {
        Format::Json => print_json(&object(program, configured)),
        Format::Raw | Format::Table => lines(configured).into_iter().try_for_each(print_line),
    }
}

fn check(program: Program, file: Option<&Path>) -> Result<(), Error> {
    let named = file.map(Path::to_path_buf).or_else(|| program.default_file());
    let path = named.ok_or(Error::NoPlace)?;
    if file.is_none() && !path.exists() {
        let note = format!("there is no {}: the defaults apply", escaped_path(&path));
        return print_prose(note).map_err(Error::Output);
    }
    let count = check_file(program, &options_of(program), &path)?;
    check_together(program, &path)?;
    let keys = if count == 1 { "key" } else { "keys" };
    print_prose(format_args!("{}: no mistake, {count} {keys} set", escaped_path(&path)))
        .map_err(Error::Output)
}

/// Checks whether the program starts with the file: its values may need each other, or a variable.
fn check_together(program: Program, path: &Path) -> Result<(), Error> {
    let mut named = OsString::from(format!("--{CONFIG}="));
    named.push(path);
    let arguments = [named];
    let read = match program {
        Program::Server => read_server(&arguments).map(drop),
        Program::Peer => read_peer(&arguments).map(drop),
    };
    match read {
        Ok(()) => Ok(()),
        Err(NotConfigured::Configuration(error)) => Err(error.into()),
        Err(NotConfigured::Arguments(error)) => Err(Error::Together(error.to_string())),
    }
}

fn init(program: Program, file: Option<&Path>, force: bool) -> Result<(), Error> {
    let text = template(program, &keys(&options_of(program)));
    if file.is_some_and(|file| file.as_os_str() == "-") {
        let written = io::stdout().lock().write_all(text.as_bytes());
        return written.map_err(Error::Output);
    }
    let named = file.map(Path::to_path_buf).or_else(|| program.default_file());
    let path = named.ok_or(Error::NoPlace)?;
    let shown = escaped_path(&path).to_string();
    let write = || {
        if let Some(directory) = path.parent().filter(|path| !path.as_os_str().is_empty()) {
            fs::create_dir_all(directory)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).truncate(force).create(force).create_new(!force);
        options.open(&path)?.write_all(text.as_bytes())
    };
    match write() {
        Ok(()) => print_prose(format_args!("wrote {shown}")).map_err(Error::Output),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists(shown)),
        Err(source) => Err(Error::Write { path: shown, source }),
    }
}
