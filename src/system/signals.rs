//! Signals that end or reload a program.
//!
//! A signal that the parent process has set to be ignored stays ignored: `nohup` does that with
//! SIGHUP, and a shell without job control with SIGINT and SIGQUIT of what it starts with `&`.
//! SIGQUIT is never handled, so it keeps the disposition that the parent has set.
//!
//! SIGXFSZ does not end the program. Instead, a write beyond the largest permitted file size fails.

use std::fmt::{self, Display, Formatter};
use std::io;

/// A signal that a program handles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM: a request to end the program.
    Terminate,
    /// SIGHUP: the terminal is gone, or a request to reload.
    HangUp,
}

impl Display for Signal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
        })
    }
}

/// The signals that this process receives. There may be several values, and each receives every signal.
#[derive(Debug)]
pub struct Signals(platform::Signals);

impl Signals {
    /// Handles all signals from now on, except those that were ignored when the program started.
    ///
    /// # Errors
    /// When the system refuses to install a handler.
    pub fn new() -> io::Result<Self> {
        platform::Signals::new().map(Self)
    }

    /// Waits for the next signal. Returns `None` when no further signal can arrive.
    pub fn wait(&mut self) -> Option<Signal> {
        self.0.wait()
    }
}

/// Whether this process has a controlling terminal. After the terminal was closed it has none, so
/// programs ask when they start.
pub fn has_controlling_terminal() -> bool {
    cfg!(unix) && std::fs::File::open("/dev/tty").is_ok()
}

#[cfg(unix)]
mod platform {
    use std::fmt;
    use std::io::{self, Read};
    use std::os::unix::net::UnixStream;
    use std::thread;
    use std::time::Duration;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::backend::{OwningSignalIterator, PollResult, SignalDelivery};
    use signal_hook::iterator::exfiltrator::SignalOnly;

    use super::Signal;

    /// The pause after a failure to read the pipe that the handlers write to.
    const AFTER_FAILURE: Duration = Duration::from_millis(100);

    /// `signal_hook::iterator::Signals` would panic when that pipe cannot be read.
    pub(super) struct Signals(OwningSignalIterator<UnixStream, SignalOnly>);

    impl fmt::Debug for Signals {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Signals").finish_non_exhaustive()
        }
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            let ignored = ignored_signals();
            // SIGTERM is handled in any case: service managers rely on it.
            // With a handler for SIGXFSZ the write fails. The handler has nothing to do.
            let handled =
                [SIGHUP, SIGINT, SIGXFSZ].into_iter().filter(|&signal| !is_in(ignored, signal));
            let (reader, writer) = UnixStream::pair()?;
            let handled = handled.chain([SIGTERM]);
            let delivery = SignalDelivery::with_pipe(reader, writer, SignalOnly, handled)?;
            Ok(Self(OwningSignalIterator::new(delivery)))
        }

        pub(super) fn wait(&mut self) -> Option<Signal> {
            let mut has_signals = |pipe: &mut UnixStream| Ok(pipe.read(&mut [0])? > 0);
            loop {
                match self.0.poll_signal(&mut has_signals) {
                    PollResult::Signal(SIGHUP) => return Some(Signal::HangUp),
                    PollResult::Signal(SIGINT) => return Some(Signal::Interrupt),
                    PollResult::Signal(SIGTERM) => return Some(Signal::Terminate),
                    PollResult::Signal(_) | PollResult::Pending => {}
                    PollResult::Closed => return None,
                    PollResult::Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    PollResult::Err(error) => {
                        log::warn!("waiting for signals: {error}");
                        thread::sleep(AFTER_FAILURE);
                    }
                }
            }
        }
    }

    fn is_in(set: u64, signal: i32) -> bool {
        u32::try_from(signal - 1).is_ok_and(|bit| set.checked_shr(bit).unwrap_or(0) & 1 == 1)
    }

    /// The set of ignored signals. Only Linux shows it without unsafe code. On other systems it counts as
    /// empty.
    fn ignored_signals() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        of_status(&status)
    }

    fn of_status(status: &str) -> u64 {
        let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_ignored_signals_of_a_process() {
            let set = of_status("Name:\tserver\nSigBlk:\t0000\nSigIgn:\t0000000000001001\n");
            assert!(is_in(set, SIGHUP) && is_in(set, 13));
            assert!(!is_in(set, SIGINT) && !is_in(set, SIGTERM) && !is_in(set, 0));
            assert_eq!(of_status("nothing"), 0);
        }
    }
}

#[cfg(not(unix))]
mod platform {
    use std::io;
    use std::sync::mpsc::{Receiver, channel};

    use super::Signal;

    #[derive(Debug)]
    pub(super) struct Signals(Receiver<Signal>);

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            let (sender, receiver) = channel();
            let handler = move || {
                // If the receiver is gone, the program is ending.
                let _ = sender.send(Signal::Interrupt);
            };
            ctrlc::set_handler(handler).map_err(io::Error::other)?;
            Ok(Self(receiver))
        }

        pub(super) fn wait(&mut self) -> Option<Signal> {
            self.0.recv().ok()
        }
    }
}
