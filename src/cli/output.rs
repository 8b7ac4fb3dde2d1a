//! Standard output: what was asked for, and nothing else.

use std::io::{self, Write};

/// Writes one line and flushes it, so that a reader on a pipe has it at once.
///
/// # Errors
/// When standard output is closed or full.
pub(super) fn say(line: impl std::fmt::Display) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
