//! What the registrations of a session report, printed (protocol.md section 4.6).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::cli::other_kind::upload_server;
use crate::cli::output::format::Format;
use crate::cli::output::notices::Notices;
use crate::cli::output::print::{print_json, print_prose};
use crate::cli::unreachable::advice;
use crate::cli::values::endpoints::Servers;
use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::peer::Event;
use crate::protocol::{Endpoint, Refusal, Status};

/// Returns the function that prints the events of the registrations with all servers.
pub(in crate::cli) fn event_printers(
    servers: &Servers,
    format: Format,
    notices: &Notices,
    patient: bool,
) -> impl Fn(&Endpoint, Event) + Send + Sync + 'static {
    let is_one = servers.others.is_empty();
    let printer = |server: &Endpoint| {
        let index = if is_one { "the index".into() } else { format!("the index {server}") };
        (server.clone(), event_printer(server.clone(), format, notices.clone(), patient, index))
    };
    let printers: Vec<_> = servers.all().map(printer).collect();
    move |server, event| {
        if let Some((_, print)) = printers.iter().find(|(one, _)| one == server) {
            print(event);
        }
    }
}

/// Returns the function that prints the events of the registration: the first one on standard output, where
/// scripts wait for it, and later ones as notices. Unless `patient`, failures before the first registration
/// are not printed, because the caller reports them.
fn event_printer(
    server: Endpoint,
    format: Format,
    notices: Notices,
    patient: bool,
    index: String,
) -> impl Fn(Event) + Send + Sync + 'static {
    let (first, away) = (AtomicBool::new(true), AtomicBool::new(false));
    let present = Mutex::new(Present { server: server.clone(), is_moving: false });
    // Another server of the cluster is named in any case.
    let shown_index = move |present: &Present, named: &Endpoint| match present.server == *named {
        true => index.clone(),
        false => format!("the index {}", present.server),
    };
    move |event| match event {
        Event::Moving(to) => {
            let text = format!("registering with {to} instead, which has the same records");
            match lock(&present).move_to(to) {
                true => notices.print(&text),
                false => log::debug!("{text}"),
            }
        }
        Event::StandingBy { cluster, with } => {
            let with = with.map_or_else(|| "another server".into(), |with| with.to_string());
            notices.print(&format!(
                "the index {server} belongs to the cluster {cluster}, and so does {with}: \
                 documents are registered with {with} alone"
            ));
        }
        Event::Registered(count) => {
            away.store(false, Ordering::Relaxed);
            let documents = counted(count, "document");
            let server = lock(&present).registered();
            let line = format!("registered {documents} with {server}");
            if !first.swap(false, Ordering::Relaxed) {
                notices.print(&line);
                return;
            }
            let said = match format {
                Format::Json => {
                    let index = server.to_string();
                    print_json(&json!({"v": 1, "registered": count, "index": index}))
                }
                Format::Raw | Format::Table => print_prose(line),
            };
            if let Err(error) = said {
                log::warn!("cannot write to standard output: {error}");
            }
        }
        Event::Refused { document, refusal, others } => {
            let status = Status::from(refusal);
            let others = if others == 0 {
                String::new()
            } else {
                format!(" and {}", counted(others, "other"))
            };
            let index = shown_index(&lock(&present), &server);
            notices.print(&format!("{index} did not register {document}{others}: {status}"));
            let is_first = first.load(Ordering::Relaxed);
            if is_first && refusal == Refusal::BadRequest {
                notices.print(&upload_server(&server));
            }
        }
        Event::RegisteredLater(count) => {
            let documents = counted(count, "more document");
            let server = lock(&present).server.clone();
            notices.print(&format!("registered {documents} with {server}"));
        }
        Event::NotSupported(count) => {
            let documents = counted(count, "document");
            let index = shown_index(&lock(&present), &server);
            notices.print(&format!(
                "{documents} not registered: {index} has not shown that it knows \
                 documents other than RFCs"
            ));
        }
        Event::Away(..) if !patient && first.load(Ordering::Relaxed) => {}
        Event::Away(error, pause) => {
            let text = error_chain(&error);
            // Printed once: the next failed attempts are only logged.
            if away.swap(true, Ordering::Relaxed) {
                log::debug!("{text}; next attempt in {pause:?}");
            } else {
                notices.print(&format!("{text}; still uploading; reconnecting"));
                if let Some(advice) = advice(&error) {
                    notices.print(&advice);
                }
            }
        }
    }
}

/// The server of a cluster with which documents are registered, or are to be.
struct Present {
    server: Endpoint,
    /// Whether nothing was registered since the last move.
    is_moving: bool,
}

impl Present {
    /// Moves to another server. Returns whether that is printed: further attempts until one succeeds are not, because
    /// all servers of the cluster may be unreachable for hours.
    fn move_to(&mut self, server: Endpoint) -> bool {
        self.server = server;
        !std::mem::replace(&mut self.is_moving, true)
    }

    /// Records that everything is registered with the present server, and returns it.
    fn registered(&mut self) -> Endpoint {
        self.is_moving = false;
        self.server.clone()
    }
}

fn lock(present: &Mutex<Present>) -> MutexGuard<'_, Present> {
    // A panic between two assignments has no consequence.
    present.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_is_printed_once_until_everything_is_registered_again() {
        let [a, b, c]: [Endpoint; 3] = ["a:1", "b:1", "c:1"].map(|name| name.parse().unwrap());
        let mut present = Present { server: a.clone(), is_moving: false };
        assert!(present.move_to(b.clone()));
        for _ in 0..10 {
            assert!(!present.move_to(c.clone()) && !present.move_to(b.clone()));
        }
        assert_eq!(present.registered(), b);
        assert!(present.move_to(a));
    }
}
