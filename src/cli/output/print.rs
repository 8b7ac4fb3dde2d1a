//! Standard output, which has only the results of commands; and notes on standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::deferred::write_error_line;
use super::format::Format;
use super::pager::Output;
use super::wrapping::{for_standard_error, for_standard_output};
use crate::escape::escaped_json;

/// Writes one line and flushes it, so that a reader on a pipe receives it immediately.
///
/// # Errors
/// When standard output is closed or full.
pub(in crate::cli) fn print_line(line: impl std::fmt::Display) -> io::Result<()> {
    let mut output = Output;
    // One write, so that lines of several threads are not mixed.
    output.write_all(format!("{line}\n").as_bytes())?;
    output.flush()
}

/// Writes lines for people, such as a summary. On a terminal, longer lines are broken between words.
///
/// # Errors
/// When standard output is closed or full.
pub(in crate::cli) fn print_prose(text: impl std::fmt::Display) -> io::Result<()> {
    print_line(for_standard_output(&text.to_string(), ""))
}

/// The same for lines with a path, which is not broken at its blanks.
///
/// # Errors
/// When standard output is closed or full.
pub(in crate::cli) fn print_with_path(text: &str, path: &str) -> io::Result<()> {
    print_line(for_standard_output(text, path))
}

/// Writes text that is not a result: to standard error if standard output has JSON objects.
///
/// # Errors
/// When standard output is closed or full.
pub(in crate::cli) fn print_text(format: Format, text: impl std::fmt::Display) -> io::Result<()> {
    match format {
        Format::Raw | Format::Table => print_prose(text),
        Format::Json => {
            print_message(text);
            Ok(())
        }
    }
}

/// Writes one JSON object on a line. Terminal control characters in its strings are escaped.
///
/// # Errors
/// When standard output is closed or full.
pub(in crate::cli) fn print_json(object: &Value) -> io::Result<()> {
    print_line(escaped_json(&object.to_string()))
}

/// Writes a line to standard error that is neither a warning nor an error, unless notes are not wanted.
pub(in crate::cli) fn print_note(line: impl std::fmt::Display) {
    if !is_quiet() {
        print_message(line);
    }
}

/// Writes a line to standard error that is always wanted, such as a question. While a pager has the screen,
/// the line waits.
pub(in crate::cli) fn print_message(line: impl std::fmt::Display) {
    write_error_line(&for_standard_error(&line.to_string()));
}

/// Clears the screen, if standard output is one.
///
/// # Errors
/// When it is closed.
pub(in crate::cli) fn clear_screen() -> io::Result<()> {
    let mut output = io::stdout().lock();
    if output.is_terminal() {
        // The cursor to the first cell; the screen; the lines that have scrolled out of it.
        output.write_all(b"\x1b[H\x1b[2J\x1b[3J")?;
    }
    output.flush()
}

/// Whether neither notes nor progress are printed.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// From now on neither notes nor progress are printed.
pub(in crate::cli) fn be_quiet() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Whether neither notes nor progress are printed.
pub(in crate::cli) fn is_quiet() -> bool {
    IS_QUIET.load(Ordering::Relaxed)
}
