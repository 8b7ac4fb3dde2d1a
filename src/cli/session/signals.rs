//! The meaning of each signal to a program.
//!
//! | signal | `server`, `peer share` | other commands, the shell |
//! |---|---|---|
//! | SIGINT, SIGTERM | end in order | end |
//! | SIGHUP with a controlling terminal | end in order | end |
//! | SIGHUP without one | reload | end |
//!
//! A signal that was ignored when the program started stays ignored ([`crate::system::Signals`]).

use std::io;
use std::thread;

use crate::system::{Signal, Signals, has_controlling_terminal};

/// The action of a service on a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum ServiceSignal {
    /// End in order.
    End(Signal),
    /// Reload the configuration.
    Reload,
}

/// From now on calls `handle` for each signal, in a thread of its own.
///
/// # Errors
/// When the system refuses a handler or the thread.
pub(in crate::cli) fn on_signal(mut handle: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new()?;
    let work = move || {
        while let Some(signal) = signals.wait() {
            handle(signal);
        }
    };
    thread::Builder::new().name("signals".into()).spawn(work).map(drop)
}

/// The same for a service, which runs until a signal ends it.
///
/// # Errors
/// As [`on_signal`].
pub(in crate::cli) fn on_service_signal(
    mut handle: impl FnMut(ServiceSignal) + Send + 'static,
) -> io::Result<()> {
    let has_terminal = has_controlling_terminal();
    on_signal(move |signal| handle(meaning(signal, has_terminal)))
}

/// Why a service ends, for its log: a signal, or that it is drained, after which the program sends itself one.
pub(in crate::cli) fn cause(signal: Signal, is_drained: bool) -> String {
    if is_drained { "`p2p-ci admin drain`".into() } else { signal.to_string() }
}

fn meaning(signal: Signal, has_terminal: bool) -> ServiceSignal {
    match signal {
        Signal::HangUp if !has_terminal => ServiceSignal::Reload,
        Signal::Interrupt | Signal::Terminate | Signal::HangUp => ServiceSignal::End(signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hang_up_reloads_a_service_without_a_terminal() {
        assert_eq!(meaning(Signal::HangUp, false), ServiceSignal::Reload);
        assert_eq!(meaning(Signal::HangUp, true), ServiceSignal::End(Signal::HangUp));
        assert_eq!(meaning(Signal::Terminate, false), ServiceSignal::End(Signal::Terminate));
        assert_eq!(meaning(Signal::Interrupt, true), ServiceSignal::End(Signal::Interrupt));
    }
}
