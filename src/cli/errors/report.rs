//! Reports of errors: a line for people, and an object for programs.

use std::error::Error;
use std::sync::atomic::{AtomicU8, Ordering};

use console::style;
use serde_json::{Value, json};

use super::failure::Failure;
use crate::cli::output::print::print_message;
use crate::error_chain::error_chain;
use crate::system::Signal;

/// The exit code of the signal that is ending the program; 0 before it has come.
static ENDING: AtomicU8 = AtomicU8::new(0);

/// From now on JSON objects of errors have the exit code of this signal.
pub(in crate::cli) fn end_by(signal: Signal) {
    ENDING.store(Failure::from(signal) as u8, Ordering::Relaxed);
}

/// An error as JSON: the exit code, and the message on standard error.
pub(in crate::cli) fn error_json(failure: Failure, message: &str) -> Value {
    let exit = match ENDING.load(Ordering::Relaxed) {
        0 => failure as u8,
        of_signal => of_signal,
    };
    json!({"exit": exit, "message": message})
}

/// Writes an error with its causes to standard error, after the name under which the program is called.
pub(in crate::cli) fn report(program: &str, error: &dyn Error) {
    let program = style(format!("{program}:")).red().bold().for_stderr();
    print_message(format_args!("{program} {}", error_chain(error)));
}
