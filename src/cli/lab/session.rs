//! The execution of commands, and the end of a laboratory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::screen::Screen;
use super::sniffer::Process;
use super::typing::{Prompt, lines_of_stdin};
use crate::cli::errors::failure::Failure;
use crate::cli::session::signals::on_signal;
use crate::lab::{Command, Laboratory};
use crate::net::Cancel;
use crate::system::{Signal, TerminalMode};

/// How often a signal is noticed.
const POLL: Duration = Duration::from_millis(50);
/// The time to end in order after a signal.
const ENDING: Duration = Duration::from_secs(5);

/// The end of the laboratory: by a signal, or in order.
pub(super) struct Ending {
    /// Is cancelled by a signal.
    pub(super) cancel: Cancel,
    state: Arc<Mutex<State>>,
    /// The mode of the terminal before an editor has changed it.
    terminal: Arc<TerminalMode>,
}

#[derive(Default)]
struct State {
    signal: Option<Signal>,
    /// A directory that is removed when the program cannot end in order.
    root: Option<PathBuf>,
    /// What ends other processes then.
    at_end: Vec<Box<dyn FnOnce() + Send>>,
}

impl Ending {
    /// Handles signals from now on.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub(super) fn start() -> io::Result<Self> {
        let (cancel, state) = (Cancel::new(), Arc::new(Mutex::<State>::default()));
        let terminal = Arc::new(TerminalMode::of_stdin());
        let (cancelled, shared) = (cancel.clone(), Arc::clone(&state));
        let mode = Arc::clone(&terminal);
        on_signal(move |signal| {
            let is_second = lock(&shared).signal.replace(signal).is_some();
            cancelled.cancel();
            let (shared, mode) = (Arc::clone(&shared), Arc::clone(&mode));
            let end = move || {
                thread::sleep(if is_second { Duration::ZERO } else { ENDING });
                let State { root, at_end, .. } = std::mem::take(&mut *lock(&shared));
                at_end.into_iter().for_each(|act| act());
                if let Some(root) = root {
                    let _ = std::fs::remove_dir_all(root);
                }
                mode.restore();
                std::process::exit(Failure::from(signal) as i32);
            };
            // Without the thread the laboratory ends in order, however long that takes.
            let _ = thread::Builder::new().name("ending".into()).spawn(end);
        })?;
        Ok(Self { cancel, state, terminal })
    }

    /// A function that ends the laboratory as Ctrl-C does, for an editor that reads it.
    pub(super) fn interrupt(&self) -> impl Fn() + Send + 'static {
        let (cancel, state) = (self.cancel.clone(), Arc::clone(&self.state));
        move || {
            lock(&state).signal.get_or_insert(Signal::Interrupt);
            cancel.cancel();
        }
    }

    /// Removes this directory if the program cannot end in order.
    pub(super) fn remove_at_end(&self, root: &Path) {
        lock(&self.state).root = Some(root.into());
    }

    /// Ends this process if the program cannot end in order.
    pub(super) fn terminate_at_end(&self, process: Process) {
        self.run_at_end(move || process.terminate());
    }

    /// Does this if the program cannot end in order.
    pub(super) fn run_at_end(&self, act: impl FnOnce() + Send + 'static) {
        lock(&self.state).at_end.push(Box::new(act));
    }

    /// Fails if a signal has ended the laboratory.
    pub(super) fn check(&self) -> Result<(), Error> {
        lock(&self.state).signal.map_or(Ok(()), |signal| Err(Error::Signal(signal)))
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // The editor may still read.
        self.terminal.restore();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Executes what is typed until `quit`, or the end of input. Then downloads of a script may end.
pub(super) fn serve(
    laboratory: &Laboratory,
    screen: &Screen,
    ending: &Ending,
    prompt: Option<Prompt>,
    after_script: Duration,
) -> io::Result<()> {
    let is_terminal = prompt.is_some();
    if is_terminal {
        screen.note("`help` lists the commands; `quit` or Ctrl-D ends the laboratory");
    }
    let lines = match prompt {
        Some(prompt) => prompt.lines()?,
        None => lines_of_stdin()?,
    };
    while let Some(line) = lines.next(&ending.cancel) {
        let line = match &line {
            Ok(line) => line.trim(),
            Err(error) => {
                screen.note(error);
                continue;
            }
        };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match Command::parse(line) {
            Ok(Command::Quit) => return Ok(()),
            Ok(Command::Wait(time)) => drop(ending.cancel.sleep(time)),
            Ok(command) => match laboratory.execute(&command) {
                Ok(lines) => lines.iter().for_each(|line| screen.note(line)),
                Err(error) => screen.note(&error),
            },
            Err(error) => screen.note(&error),
        }
    }
    let until = Instant::now() + after_script;
    while !is_terminal && laboratory.is_busy() && Instant::now() < until {
        if ending.cancel.sleep(POLL) {
            break;
        }
    }
    Ok(())
}
