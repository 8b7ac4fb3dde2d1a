//! The thread that prints the exchange, and where.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::exchange::Exchange;
use super::form::{Form, Program};
use super::queue::Queue;
use crate::capture::Seen;
use crate::cli::output::deferred::write_error_line;
use crate::cli::output::notices::Notices;
use crate::cli::output::wrapping::for_standard_error;
use crate::limits;

/// How often silent connections are noticed.
const INTERVAL: Duration = Duration::from_millis(250);

/// The screen of this process.
static SCREEN: OnceLock<Arc<Screen>> = OnceLock::new();

#[derive(Default)]
struct Screen {
    queue: Queue,
    /// The prompt above which lines appear; without it they appear on standard error.
    notices: Mutex<Option<Notices>>,
}

/// Starts the thread. Returns the function that shows what a connection does.
///
/// # Errors
/// When no thread can be started.
pub(super) fn start(form: Form, program: Program) -> io::Result<impl Fn(&Seen<'_>) + use<>> {
    let screen = Arc::clone(SCREEN.get_or_init(Arc::default));
    let printing = Arc::clone(&screen);
    let work = move || {
        let mut exchange = Exchange::new(form, program);
        let mut print = |line: &str| printing.print(line);
        print(&for_standard_error(form.legend()));
        while let Some(taken) = printing.queue.take(INTERVAL) {
            exchange.show(taken, &mut print);
            exchange.pause(&mut print);
        }
    };
    thread::Builder::new().name("wire".into()).spawn(work)?;
    Ok(move |seen: &Seen<'_>| screen.queue.add(seen))
}

impl Screen {
    fn print(&self, line: &str) {
        let notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match notices {
            Some(notices) => notices.print_exactly(line),
            None => write_error_line(line),
        }
    }
}

/// Whether the exchange is shown.
pub(in crate::cli) fn is_on() -> bool {
    SCREEN.get().is_some()
}

/// From now on, lines appear above the prompt of the shell.
pub(in crate::cli) fn show_above_prompt(notices: &Notices) {
    if let Some(screen) = SCREEN.get() {
        *screen.notices.lock().unwrap_or_else(PoisonError::into_inner) = Some(notices.clone());
    }
}

/// Waits a moment until everything that has happened is printed.
pub(in crate::cli) fn settle() {
    if let Some(screen) = SCREEN.get() {
        screen.queue.settle(limits::WIRE_SETTLING);
    }
}

/// Prints what is left. A program calls it before it ends.
pub(in crate::cli) fn finish() {
    if let Some(screen) = SCREEN.get() {
        screen.queue.end();
        screen.queue.settle(limits::WIRE_SETTLING);
    }
}
