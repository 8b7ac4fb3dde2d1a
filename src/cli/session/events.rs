//! What the registrations of a session report, printed (protocol.md section 4.6).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::cli::other_kind::upload_server;
use crate::cli::output::format::Format;
use crate::cli::output::notices::Notices;
use crate::cli::output::print::{print_json, print_line};
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
    // The server of the cluster with which documents are registered.
    let present = Mutex::new(server.clone());
    move |event| match event {
        Event::Moving(to) => {
            *lock(&present) = to.clone();
            notices.print(&format!("registering with {to} instead, which has the same records"));
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
            let server = lock(&present).clone();
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
                Format::Raw | Format::Table => print_line(line),
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
            notices.print(&format!("{index} did not register {document}{others}: {status}"));
            let is_first = first.load(Ordering::Relaxed);
            if is_first && refusal == Refusal::BadRequest {
                notices.print(&upload_server(&server));
            }
        }
        Event::RegisteredLater(count) => {
            let (documents, server) = (counted(count, "more document"), lock(&present).clone());
            notices.print(&format!("registered {documents} with {server}"));
        }
        Event::NotSupported(count) => {
            let documents = counted(count, "document");
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

fn lock(present: &Mutex<Endpoint>) -> MutexGuard<'_, Endpoint> {
    // Each change is one assignment.
    present.lock().unwrap_or_else(PoisonError::into_inner)
}
