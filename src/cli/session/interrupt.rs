//! Ctrl-C and the other signals that end a command, or the program.
//!
//! | | SIGINT | SIGTERM, SIGHUP |
//! |---|---|---|
//! | a person's shell | the running command is cancelled; a second one within a second ends the session | the session ends |
//! | a script's shell | the session ends | the session ends |
//! | single `get`, `sync` | it is cancelled | it is cancelled |
//! | other single commands | the program ends | the program ends |
//!
//! While a session that the user has ended waits for uploads, any signal ends the program.
//!
//! A cancelled command returns soon, and its caller ends the program in order. If something keeps it
//! from returning, this module ends the program.

use std::fs::{remove_dir_all, remove_file};
use std::io;
use std::path::PathBuf;
use std::process::exit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::signals::on_signal;
use crate::cli::errors::failure::Failure;
use crate::cli::errors::report::end_by;
use crate::cli::wire::screen;
use crate::limits;
use crate::peer::Cancel;
use crate::system::{Signal, TerminalMode};

/// Within this time a second Ctrl-C ends the session.
const TWICE: Duration = Duration::from_secs(1);
/// Equal signals within this time count as one: some programs signal a process and its group.
const TOGETHER: Duration = Duration::from_millis(100);

/// How signals affect the running command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Mode {
    /// A shell, and whether it is on a terminal.
    Shell { interactive: bool },
    /// One command, and whether it returns soon after it is cancelled.
    Single { is_cancellable: bool },
}

/// Cancels the running command when a signal arrives. Clones share the state.
#[derive(Clone)]
pub(in crate::cli) struct Interrupt(Arc<Shared>);

struct Shared {
    mode: Mode,
    state: Mutex<State>,
    terminal: TerminalMode,
}

#[derive(Default)]
struct State {
    /// The handle that cancels the running command.
    running: Option<Cancel>,
    interrupted: Option<Instant>,
    last: Option<(Signal, Instant)>,
    /// Whether the user has ended the session, which waits for uploads.
    is_leaving: bool,
    /// The signal that ends the program.
    ending: Option<Signal>,
    /// Whether a pager has the terminal: Ctrl-C is for the pager, and cancels the running command.
    has_pager: bool,
    /// A temporary file or directory that is removed when the program ends.
    temporary: Option<PathBuf>,
    /// The function that is called before the program ends.
    at_end: Option<Box<dyn FnOnce() + Send>>,
}

impl Interrupt {
    /// Handles signals from now on.
    pub(in crate::cli) fn start(mode: Mode) -> io::Result<Self> {
        let terminal = TerminalMode::of_stdin();
        let interrupt = Self(Arc::new(Shared { mode, state: Mutex::default(), terminal }));
        let handler = interrupt.clone();
        on_signal(move |signal| handler.handle(signal))?;
        Ok(interrupt)
    }

    /// Calls this function before a signal ends the program, unless the session has ended in order.
    pub(in crate::cli) fn at_end(&self, last: impl FnOnce() + Send + 'static) {
        self.lock().at_end = Some(Box::new(last));
    }

    /// A command begins: signals cancel what is done with the handle.
    pub(in crate::cli) fn begin(&self) -> Cancel {
        let cancel = Cancel::new();
        let mut state = self.lock();
        state.interrupted = None;
        if state.ending.is_some() {
            cancel.cancel();
        }
        state.running = Some(cancel.clone());
        cancel
    }

    /// The command has returned.
    pub(in crate::cli) fn end(&self) {
        self.lock().running = None;
    }

    /// The signal that ends the program, if one has come.
    pub(in crate::cli) fn ending(&self) -> Option<Signal> {
        self.lock().ending
    }

    /// The user has ended the session: from now on one signal ends the program.
    pub(in crate::cli) fn leave(&self) {
        self.lock().is_leaving = true;
    }

    /// Ctrl-C at the prompt, where the line editor reads it: returns whether it is the second one
    /// within a second, which ends the session.
    pub(in crate::cli) fn again(&self) -> bool {
        let mut state = self.lock();
        let is_second = state.interrupted.take().is_some_and(|before| before.elapsed() <= TWICE);
        if is_second {
            state.ending.get_or_insert(Signal::Interrupt);
        }
        is_second
    }

    /// A pager has the terminal, or has ended.
    pub(in crate::cli) fn leave_to_pager(&self, has_pager: bool) {
        self.lock().has_pager = has_pager;
    }

    /// Names the temporary file of the download that begins, or none when it has ended.
    pub(in crate::cli) fn replace_temporary(&self, path: Option<PathBuf>) {
        self.lock().temporary = path;
    }

    fn handle(&self, signal: Signal) {
        let mut state = self.lock();
        if state.has_pager && signal == Signal::Interrupt {
            if let Some(running) = &state.running {
                running.cancel();
            }
            return;
        }
        let last = state.last.replace((signal, Instant::now()));
        let is_same = last.is_some_and(|(before, at)| before == signal && at.elapsed() < TOGETHER);
        // At a terminal the user may type Ctrl-C twice within this time.
        if is_same && self.0.mode != (Mode::Shell { interactive: true }) {
            return;
        }
        let is_second = state.interrupted.is_some_and(|before| before.elapsed() <= TWICE);
        state.interrupted = Some(Instant::now());
        if let Some(running) = &state.running {
            running.cancel();
        }
        let is_running = state.running.is_some();
        // Also between two commands: a late Ctrl-C was meant for the command.
        if (self.0.mode, signal) == (Mode::Shell { interactive: true }, Signal::Interrupt)
            && !is_second
            && !state.is_leaving
        {
            return;
        }
        end_by(signal);
        let is_first = state.ending.replace(signal).is_none();
        drop(state);
        let returns = is_running && self.0.mode != Mode::Single { is_cancellable: false };
        if !is_first || !returns {
            self.end_now(signal);
        }
        let interrupt = self.clone();
        let wait = move || {
            thread::sleep(limits::ENDING);
            interrupt.end_now(signal);
        };
        if thread::Builder::new().name("ending".into()).spawn(wait).is_err() {
            self.end_now(signal);
        }
    }

    /// Ends the program without waiting for its other threads.
    fn end_now(&self, signal: Signal) -> ! {
        let mut state = self.lock();
        let (temporary, at_end) = (state.temporary.take(), state.at_end.take());
        drop(state);
        if let Some(path) = temporary {
            // A file that was renamed into place is not removed.
            let _ = remove_file(&path).or_else(|_| remove_dir_all(&path));
        }
        if let Some(at_end) = at_end {
            at_end();
        }
        self.0.terminal.restore();
        screen::finish();
        exit(Failure::from(signal) as i32);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment: a poisoned state is still consistent.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
