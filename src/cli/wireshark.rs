//! `p2p-ci wireshark`: the dissector for Wireshark, which this program contains.

mod error;
mod plugin;
mod plugin_directory;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::errors::report::report;
use super::output::print::print_line;
use crate::escape::escaped_path;
use error::Error;
use plugin::{Installed, Plugin, Removed};

const AFTER_HELP: &str = "\
The display filter is `p2pci`; docs/manual.md describes the fields.

Examples:
  p2p-ci wireshark install
  p2p-ci wireshark print colors > p2pci.colors";

/// The arguments of `p2p-ci wireshark`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the dissector into Wireshark's personal plugin directory
    Install(Place),
    /// Remove the dissector that `install` has written
    Uninstall(Place),
    /// Print a file to standard output
    Print {
        /// The dissector, or coloring rules for View > Coloring Rules > Import
        #[arg(value_enum, default_value_t = Printed::Dissector)]
        file: Printed,
    },
    /// Print the path to which `install` writes
    Path(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// Use this directory instead of the one that `tshark -G folders` names
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Printed {
    Dissector,
    Colors,
}

impl Place {
    fn plugin(self) -> Result<Plugin, Error> {
        self.directory.map_or_else(plugin_directory::personal_plugins, Ok).map(Plugin::in_directory)
    }
}

/// Runs the command.
pub(super) fn run(arguments: Arguments) -> ExitCode {
    match act(arguments.action) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A reader that has closed its pipe needs no message.
            if !error.is_closed_pipe() {
                report("p2p-ci wireshark", &error);
            }
            error.failure().into()
        }
    }
}

fn act(action: Action) -> Result<(), Error> {
    match action {
        Action::Install(place) => {
            let plugin = place.plugin()?;
            let (done, kept) = match plugin.install()? {
                Installed::New => ("installed", None),
                Installed::Replaced { kept } => ("replaced another version of", Some(kept)),
                Installed::Same => ("already installed:", None),
            };
            print_message(&format!("{done} {}", plugin.shown()))?;
            print_kept(kept)?;
            print_message("Restart Wireshark, or reload its Lua plugins (Ctrl+Shift+L)")
        }
        Action::Uninstall(place) => {
            let plugin = place.plugin()?;
            let (done, kept) = match plugin.uninstall()? {
                Removed::Nothing => ("not installed:", None),
                Removed::Same => ("removed", None),
                Removed::Other { kept } => ("removed another version of", Some(kept)),
            };
            print_message(&format!("{done} {}", plugin.shown()))?;
            print_kept(kept)
        }
        Action::Print { file } => print(match file {
            Printed::Dissector => plugin::DISSECTOR,
            Printed::Colors => plugin::COLORS,
        }),
        Action::Path(place) => print_message(&place.plugin()?.shown()),
    }
}

fn print_kept(kept: Option<PathBuf>) -> Result<(), Error> {
    kept.map_or(Ok(()), |kept| {
        print_message(&format!("the previous file is kept as {}", escaped_path(&kept)))
    })
}

fn print_message(line: &str) -> Result<(), Error> {
    print_line(line).map_err(Error::Output)
}

fn print(text: &str) -> Result<(), Error> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(Error::Output)
}
