//! The terminal of this process: its size, and whether colours are used.

use std::env;
use std::io::{self, IsTerminal};

use clap::ValueEnum;
use console::{Term, is_dumb, set_colors_enabled, set_colors_enabled_stderr};

/// The width of a terminal that does not report its size.
const USUAL_WIDTH: usize = 80;

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(in crate::cli) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Decides about colours on standard output and standard error. Called before anything is printed.
pub(in crate::cli) fn use_colors(color: Color) {
    let is_unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let on = |is_terminal: bool| match color {
        Color::Auto => is_terminal && !is_unwanted && !is_dumb(),
        Color::Always => true,
        Color::Never => false,
    };
    set_colors_enabled(on(io::stdout().is_terminal()));
    set_colors_enabled_stderr(on(io::stderr().is_terminal()));
}

/// Whether standard output is a terminal.
pub(in crate::cli) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The columns of the terminal of standard output; `None` if there is no terminal.
pub(in crate::cli) fn width() -> Option<usize> {
    is_terminal().then(|| size().map_or(USUAL_WIDTH, |(_, columns)| columns))
}

/// The lines of the terminal of standard output, if it reports them.
pub(in crate::cli) fn height() -> Option<usize> {
    size().filter(|_| is_terminal()).map(|(lines, _)| lines)
}

/// The columns of the terminal of standard output, if it reports them.
pub(in crate::cli) fn reported_width() -> Option<usize> {
    size().filter(|_| is_terminal()).map(|(_, columns)| columns)
}

/// The columns of the terminal of standard error, where progress is shown.
pub(in crate::cli) fn error_width() -> usize {
    reported_error_width().unwrap_or(USUAL_WIDTH)
}

/// The columns of the terminal of standard error, if it reports them.
pub(in crate::cli) fn reported_error_width() -> Option<usize> {
    let size = Term::stderr().size_checked();
    size.filter(|(_, columns)| *columns > 0).map(|(_, columns)| columns.into())
}

fn size() -> Option<(usize, usize)> {
    let (lines, columns) = Term::stdout().size_checked()?;
    (lines > 0 && columns > 0).then_some((lines.into(), columns.into()))
}
