//! The mode of the terminal, and whether something was typed there.

use std::io;
use std::time::Duration;

/// The mode in which the terminal of standard input was when the program started. A line editor
/// changes it while it reads.
#[derive(Debug)]
pub(crate) struct TerminalMode {
    #[cfg(unix)]
    mode: Option<rustix::termios::Termios>,
}

impl TerminalMode {
    /// The present mode; nothing if standard input is not a terminal.
    pub(crate) fn of_stdin() -> Self {
        Self {
            #[cfg(unix)]
            mode: rustix::termios::tcgetattr(io::stdin()).ok(),
        }
    }

    /// Sets the terminal to that mode again.
    pub(crate) fn restore(&self) {
        #[cfg(unix)]
        if let Some(mode) = &self.mode {
            use rustix::termios::{OptionalActions, tcsetattr};
            // With the terminal gone there is nothing to restore.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, mode);
        }
    }
}

/// Waits until a line can be read from standard input, or has ended; returns whether it can. Where
/// the system cannot tell, reading waits instead.
///
/// # Errors
/// When the system cannot wait.
pub(crate) fn wait_for_input(time: Duration) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let stdin = io::stdin();
        let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
        let time = Timespec::try_from(time).map_err(io::Error::other)?;
        match poll(&mut polled, Some(&time)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = time;
        Ok(true)
    }
}
