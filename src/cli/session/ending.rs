//! The end of a session, which waits for running uploads for a short time.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::interrupt::Interrupt;
use super::sharing::Session;
use crate::cli::output::print::print_note;
use crate::counted::counted;
use crate::escape::escaped;
use crate::limits;
use crate::peer::RunningUpload;
use crate::system::wait_for_input;

/// The maximum number of uploads that are named.
const NAMED: usize = 3;
/// How often the end is checked while a second `quit` is awaited.
const POLL: Duration = Duration::from_millis(50);
/// How long threads of a session may take to end when its uploads have ended.
const LATE: Duration = Duration::from_secs(3);

/// Ends a session. If uploads run, says what is awaited. At a terminal a second `quit`, Ctrl-C or Ctrl-D
/// ends the waiting.
pub(in crate::cli) fn end(session: Session, interrupt: &Interrupt, interactive: bool) {
    interrupt.leave();
    let running = session.sharing.uploads.running();
    if running.is_empty() {
        return end_in_time(session);
    }
    let seconds = limits::Uploads::default().grace.as_secs();
    let remedy = if interactive { "; a second `quit` or Ctrl-C ends them" } else { "" };
    print_note(format_args!("waiting at most {seconds} s for {}{remedy}", names(&running)));
    if !interactive {
        return end_in_time(session);
    }
    let Some(ending) = Ending::start(|| drop(session), time()) else { return };
    while !ending.has_ended(POLL) {
        match wait_for_input(Duration::ZERO) {
            Ok(true) => {
                let mut line = String::new();
                let read = io::stdin().read_line(&mut line);
                if !read.is_ok_and(|read| read > 0) || matches!(line.trim(), "quit" | "exit") {
                    return;
                }
            }
            Ok(false) => {}
            Err(_) => return ending.wait(),
        }
    }
}

/// Ends a session, and waits at most for its uploads and [`LATE`].
pub(in crate::cli) fn end_in_time(session: Session) {
    if let Some(ending) = Ending::start(|| drop(session), time()) {
        ending.wait();
    }
}

/// How long the end of a session may take.
fn time() -> Duration {
    limits::Uploads::default().grace + LATE
}

/// A session that ends in a thread of its own. One of its threads may wait for a file system that does not respond;
/// the program ends without that thread.
struct Ending {
    ended: Receiver<()>,
    deadline: Instant,
}

impl Ending {
    /// Calls `end` in another thread; waits for it at most for this time. `None` if it has already returned.
    fn start(end: impl FnOnce() + Send + 'static, time: Duration) -> Option<Self> {
        let (sender, ended) = channel();
        let work = move || {
            end();
            // The receiver is gone if nobody waits any more.
            let _ = sender.send(());
        };
        // Without a thread `end` is dropped, and the session with it.
        thread::Builder::new().name("ending".into()).spawn(work).ok()?;
        Some(Self { ended, deadline: limits::ends_after(time) })
    }

    /// Waits at most for this time. Returns whether the waiting is over.
    fn has_ended(&self, time: Duration) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let has_ended = self.ended.recv_timeout(time.min(left)) != Err(RecvTimeoutError::Timeout);
        let is_late = !has_ended && left <= time;
        if is_late {
            log::warn!("a file system does not respond: the program ends without waiting for it");
        }
        has_ended || is_late
    }

    fn wait(&self) {
        while !self.has_ended(LATE) {}
    }
}

fn names(running: &[RunningUpload]) -> String {
    let name = |upload: &RunningUpload| {
        let document = escaped(&upload.document.to_string()).to_string();
        format!("{document} to {}", upload.reader)
    };
    let names: Vec<String> = running.iter().take(NAMED).map(name).collect();
    let more = if running.len() > NAMED { " and others" } else { "" };
    let count = counted(running.len(), "upload");
    format!("{count}: {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_for_a_file_system_does_not_keep_the_program() {
        let (responds, response) = channel::<()>();
        // The sender is dropped meanwhile.
        let waits = move || {
            let _ = response.recv();
        };
        let ending = Ending::start(waits, Duration::from_millis(60)).unwrap();
        assert!(!ending.has_ended(Duration::from_millis(1)));
        ending.wait();
        drop(responds);

        let begun = Instant::now();
        let ending = Ending::start(|| {}, Duration::from_secs(600)).unwrap();
        ending.wait();
        assert!(begun.elapsed() < Duration::from_secs(600));
    }
}
