//! An error with its causes, for people.

use std::error::Error;

/// The error and its causes on one line, joined by `: `.
pub fn error_chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}
