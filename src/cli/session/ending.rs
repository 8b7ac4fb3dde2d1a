//! The end of a session, which waits for running uploads for a short time.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

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

/// Ends a session. If uploads run, says what is awaited. At a terminal a second `quit`, Ctrl-C or Ctrl-D
/// ends the waiting.
pub(in crate::cli) fn end(session: Session, interrupt: &Interrupt, interactive: bool) {
    interrupt.leave();
    let running = session.sharing.uploads.running();
    if running.is_empty() {
        return;
    }
    let seconds = limits::Uploads::default().grace.as_secs();
    let remedy = if interactive { "; a second `quit` or Ctrl-C ends them" } else { "" };
    print_note(format_args!("waiting at most {seconds} s for {}{remedy}", names(&running)));
    if !interactive {
        return drop(session);
    }
    let (ended, is_ended) = channel();
    let wait = move || {
        drop(session);
        // The receiver is gone if the user does not wait.
        let _ = ended.send(());
    };
    if thread::Builder::new().name("ending".into()).spawn(wait).is_err() {
        // The session was dropped with the closure.
        return;
    }
    while is_ended.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
        match wait_for_input(Duration::ZERO) {
            Ok(true) => {
                let mut line = String::new();
                let read = io::stdin().read_line(&mut line);
                if !read.is_ok_and(|read| read > 0) || matches!(line.trim(), "quit" | "exit") {
                    return;
                }
            }
            Ok(false) => {}
            Err(_) => {
                let _ = is_ended.recv();
                return;
            }
        }
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
