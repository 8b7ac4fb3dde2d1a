//! What happens while a person types: said above the prompt, or on standard error.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::ExternalPrinter;

/// Where notices go. Cloning it shares the place.
#[derive(Clone, Default)]
pub(super) struct Notices(Arc<Mutex<Option<Box<dyn ExternalPrinter + Send>>>>);

impl Notices {
    /// From now on above the prompt.
    pub(super) fn print_with(&self, printer: impl ExternalPrinter + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(printer));
    }

    /// Says one line.
    pub(super) fn say(&self, line: &str) {
        let mut printer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // With the terminal gone there is nobody left to tell.
        let _ = match &mut *printer {
            Some(printer) => printer.print(format!("{line}\n")).is_ok(),
            None => writeln!(std::io::stderr(), "{line}").is_ok(),
        };
    }
}
