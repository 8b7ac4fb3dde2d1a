//! The option `--wire`, and observing connections.

use clap::Args;

use super::form::{Form, Program};
use super::screen;
use crate::capture::Recorder;
use crate::cli::record::{RecordArgs, RecordError};
use crate::net::record_connections;

/// What is shown of the exchange.
#[derive(Debug, Args)]
pub(in crate::cli) struct WireArgs {
    /// Print the exchange on standard error, each line with its parties: `C:` is the side that has
    /// connected. `--wire=explained` adds meanings and sections of protocol.md
    #[arg(
        long,
        value_enum,
        value_name = "FORM",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "lines",
        hide_possible_values = true,
        global = true,
        help_heading = crate::cli::headings::OUTPUT
    )]
    wire: Option<Form>,
}

/// Records and shows the connections of this process from now on, if that is wanted.
pub(in crate::cli) fn observe_connections(
    record: &RecordArgs,
    wire: &WireArgs,
    program: Program,
) -> Result<(), RecordError> {
    let recorder = record.recorder()?;
    let recorder = match wire.wire {
        None => recorder,
        Some(form) => {
            let tap = screen::start(form, program).map_err(RecordError::Thread)?;
            Some(recorder.unwrap_or_else(Recorder::without_file).with_tap(tap))
        }
    };
    if let Some(recorder) = recorder {
        record_connections(recorder);
    }
    Ok(())
}
