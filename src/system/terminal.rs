//! The mode of the terminal, and waiting for its input.

use std::io;
use std::time::Duration;

/// A mode of the terminal of standard input. A line editor changes the mode while it reads.
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

    /// Restores this mode.
    pub(crate) fn restore(&self) {
        #[cfg(unix)]
        if let Some(mode) = &self.mode {
            use rustix::termios::{OptionalActions, tcsetattr};
            // If the terminal is gone, there is nothing to restore.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, mode);
        }
    }
}

/// Waits until a line or the end of standard input can be read; returns whether it can. On systems other
/// than Unix this returns immediately, and reading waits.
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
