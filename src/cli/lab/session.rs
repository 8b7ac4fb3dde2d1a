//! Commands that are typed, and the end of a laboratory.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::screen::Screen;
use crate::cli::errors::failure::Failure;
use crate::cli::session::signals::on_signal;
use crate::lab::{Command, Laboratory};
use crate::net::Cancel;
use crate::system::Signal;

/// How often a signal is noticed.
const POLL: Duration = Duration::from_millis(50);
/// The time to end in order after a signal.
const ENDING: Duration = Duration::from_secs(5);

/// The end of the laboratory: by a signal, or in order.
pub(super) struct Ending {
    /// Is cancelled by a signal.
    pub(super) cancel: Cancel,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    signal: Option<Signal>,
    /// A directory that is removed when the program cannot end in order.
    root: Option<PathBuf>,
}

impl Ending {
    /// Handles signals from now on.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub(super) fn start() -> io::Result<Self> {
        let (cancel, state) = (Cancel::new(), Arc::new(Mutex::<State>::default()));
        let (cancelled, shared) = (cancel.clone(), Arc::clone(&state));
        on_signal(move |signal| {
            let is_second = lock(&shared).signal.replace(signal).is_some();
            cancelled.cancel();
            let shared = Arc::clone(&shared);
            let end = move || {
                thread::sleep(if is_second { Duration::ZERO } else { ENDING });
                if let Some(root) = lock(&shared).root.take() {
                    let _ = std::fs::remove_dir_all(root);
                }
                std::process::exit(Failure::from(signal) as i32);
            };
            // Without the thread the laboratory ends in order, however long that takes.
            let _ = thread::Builder::new().name("ending".into()).spawn(end);
        })?;
        Ok(Self { cancel, state })
    }

    /// Removes this directory if the program cannot end in order.
    pub(super) fn remove_at_end(&self, root: &Path) {
        lock(&self.state).root = Some(root.into());
    }

    /// Fails if a signal has ended the laboratory.
    pub(super) fn check(&self) -> Result<(), Error> {
        lock(&self.state).signal.map_or(Ok(()), |signal| Err(Error::Signal(signal)))
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
    after_script: Duration,
) -> io::Result<()> {
    let is_terminal = io::stdin().is_terminal();
    if is_terminal {
        screen.note("`help` lists the commands; `quit` or Ctrl-D ends the laboratory");
    }
    let lines = typed(is_terminal)?;
    loop {
        let line = match lines.recv_timeout(POLL) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) if !ending.cancel.is_cancelled() => continue,
            Err(_) => break,
        };
        let line = line.trim();
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
        if ending.cancel.is_cancelled() {
            break;
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

/// The lines of standard input, which a thread reads.
fn typed(is_terminal: bool) -> io::Result<Receiver<String>> {
    let (sender, lines) = channel();
    let work = move || {
        loop {
            if is_terminal {
                let mut errors = io::stderr().lock();
                let _ = write!(errors, "lab> ").and_then(|()| errors.flush());
            }
            let mut line = String::new();
            match io::stdin().read_line(&mut line) {
                Ok(1..) if sender.send(line).is_ok() => {}
                _ => return,
            }
        }
    };
    thread::Builder::new().name("typing".into()).spawn(work)?;
    Ok(lines)
}
