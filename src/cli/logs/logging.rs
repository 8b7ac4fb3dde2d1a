//! Logs on standard error: one line each, with the time, and limited in rate.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Local;
use env_logger::{Builder, Env};
use log::{Level, LevelFilter, Record};

use super::throttle::Throttle;
use crate::peer::LOG_LIBRARY;
use crate::server::{LOG_FAULTS, LOG_REQUESTS};

/// The lines of the last second, for the whole program.
static LATELY: Mutex<Option<Throttle>> = Mutex::new(None);

/// Starts logging. `targets` are the levels that the program's options set; `RUST_LOG` overrides them.
pub(in crate::cli) fn start(level: LevelFilter, targets: &[(&str, LevelFilter)]) {
    let mut builder = Builder::new();
    builder.filter_level(level);
    for (target, level) in targets {
        builder.filter_module(target, *level);
    }
    builder.parse_env(Env::default());
    builder.format(|output, record| match admits(record) {
        true => writeln!(output, "{}", line(record)),
        false => Ok(()),
    });
    builder.init();
    // Without this thread the counts are printed with the next line.
    let _ = thread::Builder::new().name("log".into()).spawn(print_summaries);
}

/// Warns the operator of a service that runs as root.
pub(in crate::cli) fn warn_of_root() {
    if crate::system::is_root() {
        log::warn!(target: LOG_FAULTS, "this runs as root, which it does not need: a user of its own is safer");
    }
}

fn line(record: &Record<'_>) -> String {
    let time = Local::now().format("%H:%M:%S");
    match record.level() {
        Level::Error | Level::Warn => {
            let level = record.level().as_str().to_ascii_lowercase();
            format!("{time} {level}: {}", record.args())
        }
        Level::Info | Level::Debug | Level::Trace => format!("{time} {}", record.args()),
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
        throttle.admits(place, &|| line(record), Instant::now())
    })
}

fn print_summaries() {
    loop {
        thread::sleep(Duration::from_millis(500));
        let summaries = match &mut *lately() {
            Some(throttle) => throttle.summaries(Instant::now()),
            None => Vec::new(),
        };
        for summary in summaries {
            // Standard error may be closed.
            let _ = writeln!(io::stderr(), "{summary}");
        }
    }
}

fn lately() -> MutexGuard<'static, Option<Throttle>> {
    // Each change is a few assignments that cannot panic.
    LATELY.lock().unwrap_or_else(PoisonError::into_inner)
}
