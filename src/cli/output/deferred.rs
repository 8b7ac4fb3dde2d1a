//! Lines for standard error that wait while a pager has the screen. They come from all threads.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::counted::counted;
use crate::limits;

/// The lines that wait; `None` while they can be printed.
static WAITING: Mutex<Option<Waiting>> = Mutex::new(None);

#[derive(Default)]
struct Waiting {
    lines: Vec<String>,
    bytes: usize,
    /// Lines beyond the limit, which are counted.
    left_out: usize,
}

/// From now on lines wait.
pub(super) fn begin() {
    lock().get_or_insert_default();
}

/// Keeps a line while a pager has the screen; `false` if it can be printed.
pub(in crate::cli) fn defer(line: &str) -> bool {
    let mut waiting = lock();
    let Some(waiting) = &mut *waiting else { return false };
    if waiting.bytes.saturating_add(line.len()) > limits::DEFERRED {
        waiting.left_out += 1;
    } else {
        waiting.bytes += line.len();
        waiting.lines.push(line.into());
    }
    true
}

/// Writes a line to standard error, or keeps it while a pager has the screen.
pub(in crate::cli) fn write_error_line(line: &str) {
    if !defer(line) {
        // Standard error may be closed.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Prints the lines that have waited.
pub(super) fn end() {
    let Some(Waiting { lines, left_out, .. }) = lock().take() else { return };
    for line in lines {
        let _ = writeln!(io::stderr(), "{line}");
    }
    if left_out > 0 {
        let left_out = counted(left_out, "further line");
        let _ = writeln!(io::stderr(), "{left_out} came while the pager was open");
    }
}

fn lock() -> MutexGuard<'static, Option<Waiting>> {
    // A line that was counted and not kept is lost, which is all that can go wrong.
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_up_to_a_limit() {
        assert!(!defer("a line"));
        begin();
        let line = "x".repeat(limits::DEFERRED / 2);
        assert!(defer(&line) && defer(&line) && defer("one more"));
        let (lines, left_out) = lock().as_ref().map(|all| (all.lines.len(), all.left_out)).unwrap();
        assert_eq!((lines, left_out), (2, 1));
        lock().take();
        assert!(!defer("a line"));
    }
}
