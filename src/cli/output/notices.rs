//! Messages while the user types: above the prompt, or on standard error.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::ExternalPrinter;

use super::deferred::defer;
use super::print::is_quiet;
use super::wrapping::for_standard_error;

/// The destination of notices. Clones share it.
#[derive(Clone, Default)]
pub(in crate::cli) struct Notices(Arc<Mutex<Option<Box<dyn ExternalPrinter + Send>>>>);

impl Notices {
    /// Prints the next notices above the prompt.
    pub(in crate::cli) fn print_with(&self, printer: impl ExternalPrinter + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(printer));
    }

    /// Prints one line, unless notes are not wanted.
    pub(in crate::cli) fn print(&self, line: &str) {
        self.print_exactly(&for_standard_error(line));
    }

    /// The same for a line that is not broken between words, such as one of an exchange.
    pub(in crate::cli) fn print_exactly(&self, line: &str) {
        if is_quiet() {
            return;
        }
        if defer(line) {
            return;
        }
        let mut printer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The terminal may be closed.
        let _ = match &mut *printer {
            Some(printer) => printer.print(format!("{line}\n")).is_ok(),
            None => writeln!(std::io::stderr(), "{line}").is_ok(),
        };
    }
}
