//! The mode of the terminal, waiting for its input, and the journal as the other end of an output.

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

/// Whether an output is connected to the journal of systemd: `JOURNAL_STREAM` has its device and inode
/// (systemd.exec(5)). A program that inherits the variable may have another output.
#[cfg(unix)]
pub(crate) fn is_journal(output: impl std::os::fd::AsFd) -> bool {
    let Some(stream) = std::env::var("JOURNAL_STREAM").ok() else { return false };
    rustix::fs::fstat(output)
        .is_ok_and(|found| stream == format!("{}:{}", found.st_dev, found.st_ino))
}

/// Whether an output is connected to the journal of systemd, which other systems do not have.
#[cfg(not(unix))]
pub(crate) fn is_journal(_output: impl Sized) -> bool {
    false
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
