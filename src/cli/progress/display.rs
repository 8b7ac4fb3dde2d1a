//! Bars on a terminal, and plain lines elsewhere, both on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::print::is_quiet;
use crate::cli::output::table::shown_width;
use crate::cli::output::terminal::error_width;
use crate::cli::values::quantity::{rate, size};
use crate::cli::wire::screen;
use crate::escape::escaped;
use crate::peer::CompletedDownload;
use crate::protocol::Document;

/// A bar, in bytes. Rates are in the message: the bar's own begin with far too large values. The message
/// is cut at the end of the line, so nothing wraps.
const BAR: &str = "{bar:20.cyan} {wide_msg}";
/// The same on a terminal that is narrower than [`NARROW`].
const NARROW_BAR: &str = "{bar:8.cyan} {wide_msg}";
/// The same if the length of the document is unknown.
const OF_ANY_LENGTH: &str = "{spinner} {wide_msg}";
/// Terminals with fewer columns have short bars.
const NARROW: usize = 80;
/// The columns of the two bars, with the blank after them and the last column, which stays free.
pub(super) const BAR_WIDTH: usize = 22;
const NARROW_BAR_WIDTH: usize = 10;

/// Time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Warns of a document that may be truncated, because no holder has announced its length.
pub(in crate::cli) fn warn_of_length(document: &Document, fetched: &CompletedDownload) {
    if let (false, Some(holder)) = (fetched.length_checked, fetched.holders.first()) {
        let holder = escaped(&holder.to_string()).to_string();
        log::warn!("{holder} did not send the length of {document}: it may be truncated");
    }
}

/// A bar on a terminal, nothing elsewhere. Without a length there is only a message.
pub(super) fn bar(length: Option<u64>) -> ProgressBar {
    let template = match length {
        None => OF_ANY_LENGTH,
        Some(_) if error_width() < NARROW => NARROW_BAR,
        Some(_) => BAR,
    };
    // Lines of the exchange would cut a bar.
    let is_shown =
        io::stderr().is_terminal() && length != Some(0) && !is_quiet() && !screen::is_on();
    let target = match is_shown {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(length, target);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.set_style(style),
        Err(error) => log::debug!("the bar has no style: {error}"),
    }
    bar
}

/// Lines where there is no terminal.
pub(super) struct PlainLines {
    /// The time of the last line; `None` where no lines are printed.
    last: Option<Instant>,
}

impl PlainLines {
    pub(super) fn new() -> Self {
        Self { last: (!io::stderr().is_terminal() && !is_quiet()).then(Instant::now) }
    }

    /// Whether a line is due.
    pub(super) fn is_due(&self) -> bool {
        self.last.is_some_and(|last| last.elapsed() >= PLAIN_EVERY)
    }

    /// Prints a line if it is due.
    pub(super) fn print(&mut self, line: impl FnOnce() -> String) {
        if self.is_due()
            && let Some(last) = &mut self.last
        {
            *last = Instant::now();
            // Standard error may be closed.
            let _ = writeln!(io::stderr(), "{}", line());
        }
    }
}

/// The first of these messages that fits next to a bar; the last one if none does.
pub(super) fn fitting<const N: usize>(messages: [String; N]) -> String {
    let width = error_width();
    let bar = if width < NARROW { NARROW_BAR_WIDTH } else { BAR_WIDTH };
    let last = messages.last().cloned().unwrap_or_default();
    let fits = |message: &String| shown_width(message).saturating_add(bar) <= width;
    messages.into_iter().find(fits).unwrap_or(last)
}

/// Bytes, and bytes per second if the rate is known.
pub(super) fn amount(bytes: u64, at: Option<u64>) -> String {
    let at = at.map_or_else(String::new, |at| format!(", {}", rate(at)));
    format!("{}{at}", size(bytes))
}
