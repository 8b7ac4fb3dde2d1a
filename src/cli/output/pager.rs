//! A pager for output that is longer than the screen.
//!
//! A command that may print much begins [`Paging`]. What it prints is kept until it is longer than the screen,
//! and then goes to a pager; if the command ends before that, it is printed. The output of other threads is
//! never kept; their lines for standard error wait until the pager has ended.

use std::cell::RefCell;
use std::env;
use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::deferred;
use super::table::shown_width;
use super::terminal;

/// The pager that is used without `PAGER`.
const USUAL: &str = "less";
/// Options of `less` without `LESS`: end if everything fits the screen, show colours, leave the text there.
const LESS: &str = "FRX";

thread_local! {
    /// The output of this thread.
    static OUTPUT: RefCell<State> = const { RefCell::new(State::Direct) };
}

/// Learns that a pager has the terminal, or has ended.
type HasPager = Box<dyn Fn(bool)>;

enum State {
    /// Everything is printed when it is written.
    Direct,
    /// What was written fits the screen so far.
    Kept {
        text: Vec<u8>,
        screen: Screen,
        has_pager: HasPager,
    },
    Pager(Pager),
}

/// The rest of the screen.
struct Screen {
    width: usize,
    lines: usize,
}

/// A running pager.
struct Pager {
    child: Child,
    /// `None` if the user has left the pager.
    input: Option<ChildStdin>,
    has_pager: HasPager,
}

/// Standard output of the running command.
pub(in crate::cli) struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        OUTPUT.with_borrow_mut(|state| state.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        OUTPUT.with_borrow_mut(|state| match state {
            State::Direct => io::stdout().flush(),
            // A pager reads what is there.
            State::Kept { .. } | State::Pager(_) => Ok(()),
        })
    }
}

/// The output of one command, which is paged until this is dropped or ended.
pub(in crate::cli) struct Paging(());

impl Paging {
    /// Pages what this thread prints, if there is a terminal. `has_pager` learns that a pager has it, or has
    /// ended.
    pub(in crate::cli) fn begin(has_pager: impl Fn(bool) + 'static) -> Self {
        // Without a size nothing is longer than the screen.
        if let (Some(width), Some(lines)) = (terminal::width(), terminal::height()) {
            // A line remains for the prompt.
            let screen = Screen { width, lines: lines.saturating_sub(1) };
            let (text, has_pager) = (Vec::new(), Box::new(has_pager));
            OUTPUT.replace(State::Kept { text, screen, has_pager });
        }
        Self(())
    }

    /// Waits until the user has left the pager, or prints what was kept. Returns whether the user left before
    /// the end of the output.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub(in crate::cli) fn end(self) -> io::Result<bool> {
        match OUTPUT.replace(State::Direct) {
            State::Direct => Ok(false),
            State::Kept { text, .. } => {
                let mut output = io::stdout().lock();
                output.write_all(&text).and_then(|()| output.flush()).map(|()| false)
            }
            State::Pager(pager) => Ok(pager.wait()),
        }
    }
}

impl Drop for Paging {
    fn drop(&mut self) {
        if let State::Pager(pager) = OUTPUT.replace(State::Direct) {
            pager.wait();
        }
    }
}

impl State {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Direct => return io::stdout().write(bytes),
            Self::Pager(pager) => return pager.write(bytes).map(|()| bytes.len()),
            Self::Kept { text, screen, .. } => {
                text.extend_from_slice(bytes);
                if screen.holds(text) {
                    return Ok(bytes.len());
                }
            }
        }
        if let Self::Kept { text, has_pager, .. } = std::mem::replace(self, Self::Direct) {
            match Pager::start(has_pager) {
                Some(pager) => {
                    *self = Self::Pager(pager);
                    self.write(&text)?;
                }
                None => io::stdout().write_all(&text)?,
            }
        }
        Ok(bytes.len())
    }
}

impl Screen {
    /// Whether a text leaves the last line of the screen free. A line that is too wide takes several.
    fn holds(&self, text: &[u8]) -> bool {
        // The shortest lines that could fill the screen.
        if text.len() > self.width.saturating_mul(self.lines).saturating_mul(4) {
            return false;
        }
        let text = String::from_utf8_lossy(text);
        let rows = text.lines().map(|line| match shown_width(line) {
            0 => 1,
            width => width.div_ceil(self.width),
        });
        rows.sum::<usize>() <= self.lines
    }
}

impl Pager {
    /// Starts the user's pager; `None` if there is none, or it does not start.
    fn start(has_pager: HasPager) -> Option<Self> {
        let named = env::var("PAGER").unwrap_or_else(|_| USUAL.into());
        let words = shlex::split(&named).unwrap_or_default();
        let (program, arguments) = words.split_first()?;
        if program == "cat" {
            return None;
        }
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped());
        for (variable, options) in [("LESS", LESS), ("LV", "-c")] {
            if env::var_os(variable).is_none() {
                command.env(variable, options);
            }
        }
        deferred::begin();
        match command.spawn() {
            Ok(mut child) => {
                let input = child.stdin.take();
                has_pager(true);
                Some(Self { child, input, has_pager })
            }
            Err(error) => {
                deferred::end();
                log::warn!("cannot start the pager `{program}`: {error}");
                None
            }
        }
    }

    /// Writes to the pager.
    ///
    /// # Errors
    /// When the user has left it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(input) = &mut self.input else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let written = input.write_all(bytes);
        if written.is_err() {
            self.input = None;
        }
        written
    }

    /// Waits for the end of the pager. Returns whether it did not take everything.
    fn wait(mut self) -> bool {
        let was_left = self.input.take().is_none();
        if let Err(error) = self.child.wait() {
            log::debug!("the pager has not ended: {error}");
        }
        (self.has_pager)(false);
        deferred::end();
        was_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_holds_its_lines_and_wide_ones_count_as_several() {
        let screen = Screen { width: 10, lines: 3 };
        for (text, holds) in [
            ("", true),
            ("a\nb\nc\n", true),
            ("a\nb\nc\nd\n", false),
            ("0123456789\nb\n", true),
            ("0123456789a\nb\nc\n", false),
            ("漢字漢字漢\nb\nc\n", true),
            ("漢字漢字漢字\nb\nc\n", false),
            ("\n\n\n", true),
        ] {
            assert_eq!(screen.holds(text.as_bytes()), holds, "{text:?}");
        }
    }
}
