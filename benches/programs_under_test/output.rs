//! Standard output and standard error of the programs of measurement.
//!
//! `println!` panics when the reader of a pipe has closed it, as `head` does. A run then continues:
//! its exit code still counts.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line on standard output.
pub(crate) fn print_line(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line on standard error.
pub(crate) fn print_error(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
