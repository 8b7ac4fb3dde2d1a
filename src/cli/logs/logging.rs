//! Logs on standard error: one line each, with the time, and limited in rate.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Local;
use env_logger::{Builder, Env, Logger};
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::form::{Form, LogFormat};
use super::throttle::{Line, Throttle};
use crate::cli::output::deferred::{defer, write_error_line};
use crate::peer::LOG_LIBRARY;
use crate::server::{LOG_FAULTS, LOG_REQUESTS};

/// The lines of the last second, for the whole program.
static LATELY: Mutex<Option<Throttle>> = Mutex::new(None);

/// The form of the lines; set when logging starts.
static FORM: OnceLock<Form> = OnceLock::new();

/// The logger, which [`set_levels`] replaces.
static LOGGER: Switch = Switch(RwLock::new(None));

/// A logger that can be replaced.
struct Switch(RwLock<Option<Arc<Logger>>>);

impl Switch {
    fn current(&self) -> Option<Arc<Logger>> {
        // It is replaced as a whole, so a poisoned one is consistent.
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Log for Switch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.current().is_some_and(|logger| logger.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        // The lock is not held while the line is written.
        if let Some(logger) = self.current() {
            logger.log(record);
        }
    }

    fn flush(&self) {}
}

/// Starts logging. `targets` are the levels that the program's options set; `RUST_LOG` overrides them.
pub(in crate::cli) fn start(
    format: LogFormat,
    level: LevelFilter,
    targets: &[(&str, LevelFilter)],
) {
    FORM.get_or_init(|| Form::choose(format));
    set_levels(level, targets);
    // A program starts logging once.
    let _ = log::set_logger(&LOGGER);
    // Without this thread the counts are printed with the next line.
    let _ = thread::Builder::new().name("log".into()).spawn(print_summaries);
}

/// Sets the levels of lines that are logged from now on.
pub(in crate::cli) fn set_levels(level: LevelFilter, targets: &[(&str, LevelFilter)]) {
    let form = FORM.get().copied().unwrap_or(Form::Text);
    let mut builder = Builder::new();
    builder.filter_level(level);
    for (target, level) in targets {
        builder.filter_module(target, *level);
    }
    builder.parse_env(Env::default());
    builder.format(move |output, record| match admits(record) {
        true => {
            let line = form.line(Local::now(), record.level(), record.target(), record.args());
            if defer(&line) { Ok(()) } else { writeln!(output, "{line}") }
        }
        false => Ok(()),
    });
    let logger = builder.build();
    let most = logger.filter();
    *LOGGER.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(logger));
    log::set_max_level(most);
}

/// Warns the operator of a service that runs as root.
pub(in crate::cli) fn warn_of_root() {
    if crate::system::is_root() {
        log::warn!(target: LOG_FAULTS, "this program runs as root, which it does not need: start it as a user of its own");
    }
}

/// Prints the counts of lines that are suppressed now. A program calls it before it ends.
pub(in crate::cli) fn finish() {
    let summaries = lately().as_mut().map(|throttle| throttle.last_summaries(Instant::now()));
    print_lines(summaries.unwrap_or_default());
}

fn print_lines(lines: Vec<Line>) {
    let form = FORM.get().copied().unwrap_or(Form::Text);
    for Line { level, target, message } in lines {
        write_error_line(&form.line(Local::now(), level, &target, &message));
    }
}

/// Whether a line is printed. Lines that the user has requested, and lines about the user's own directory,
/// are not limited.
fn admits(record: &Record<'_>) -> bool {
    let is_asked_for = [LOG_REQUESTS, LOG_LIBRARY].contains(&record.target());
    if is_asked_for || record.level() > Level::Info {
        return true;
    }
    let place = record.file_static().zip(record.line());
    place.is_none_or(|place| {
        let mut lately = lately();
        let throttle = lately.get_or_insert_default();
        let line = || Line {
            level: record.level(),
            target: record.target().into(),
            message: record.args().to_string(),
        };
        throttle.admits(place, &line, Instant::now())
    })
}

fn print_summaries() {
    loop {
        thread::sleep(Duration::from_millis(500));
        let summaries = lately().as_mut().map(|throttle| throttle.summaries(Instant::now()));
        print_lines(summaries.unwrap_or_default());
    }
}

fn lately() -> MutexGuard<'static, Option<Throttle>> {
    // Each change is a few assignments that cannot panic.
    LATELY.lock().unwrap_or_else(PoisonError::into_inner)
}
