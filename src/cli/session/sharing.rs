//! A session, which shares a directory: the upload server, the registration, and the threads that keep
//! the library up to date.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::share_claim::ShareClaim;
use crate::admin::ObservedPeer;
use crate::cli::admin::print_addresses;
use crate::cli::args::Args;
use crate::cli::downloads::running::Downloads;
use crate::cli::errors::command_error::CommandError;
use crate::cli::other_kind::upload_server;
use crate::cli::output::format::Format;
use crate::cli::output::notices::Notices;
use crate::cli::output::outcome::shown;
use crate::cli::output::print::{print_json, print_line};
use crate::cli::peer_reload::PeerLimits;
use crate::cli::unreachable::advice;
use crate::cli::user_folder::{port_file, stored_digests};
use crate::cli::values::option_values::{Listen, remedy};
use crate::cli::values::quantity::counted;
use crate::error_chain::error_chain;
use crate::http::HttpServer;
use crate::library::{Library, StoreFile};
use crate::net;
use crate::peer::{Event, Journal, Sharing, SharingOptions};
use crate::protocol::{Endpoint, Refusal, Status};

/// Bytes of the file in which the port is stored.
const PORT_BYTES: u64 = 16;

/// A shared directory, as the programs of one user see it.
pub(in crate::cli) struct Session {
    /// Ends before what it shows.
    _admin: Option<HttpServer>,
    pub(in crate::cli) sharing: Sharing,
    _claim: ShareClaim,
}

impl Session {
    /// Starts the session.
    ///
    /// # Errors
    /// When the directory cannot be shared, or a thread or the listener cannot be started.
    pub(in crate::cli) fn start(
        args: &Args,
        limits: &PeerLimits,
        journal: &Journal,
        downloads: &Downloads,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, CommandError> {
        let library = Library::scan_quiet(&args.share, args.depth());
        let library = library.map_err(|source| CommandError::File {
            what: format!("cannot share `{}`", shown(&args.share)),
            source,
        })?;
        let digests = stored_digests();
        library.write().set_digests(digests);
        let claim = ShareClaim::of(&args.share);
        let downloaded = journal.fetched().into_keys();
        if let Err(error) = library.add_downloaded(downloaded) {
            log::warn!("documents downloaded into subdirectories are not shared: {error}");
        }
        let admin = args.admin.listen()?;
        let listener = upload_listener(args.upload, &args.share).map_err(CommandError::Start)?;
        let uploads = limits.uploads(args);
        let address = listener.local_addr().map_err(CommandError::Start)?;
        let host = args.host.clone();
        let options = SharingOptions { host, uploads, ..SharingOptions::default() };
        // Others may connect from now on. Standard output may be closed; that does not keep the peer
        // from uploading.
        let uploading = match args.format() {
            Format::Json => print_json(&json!({"v": 1, "uploading_from": address.to_string()})),
            Format::Raw | Format::Table => print_line(format_args!("uploading from {address}")),
        };
        if let Err(error) = uploading {
            log::warn!("uploading from {address}, which cannot be printed: {error}");
        }
        print_addresses(&admin, args.format());
        let sharing = Sharing::start(library, listener, args.server.clone(), options, tell)
            .map_err(CommandError::Start)?;
        let observed = ObservedPeer {
            library: sharing.library.clone(),
            registration: Arc::clone(&sharing.registration),
            uploads: Arc::clone(&sharing.uploads),
            downloads: Arc::clone(downloads.totals()),
        };
        let admin = args.admin.serve(admin, observed)?;
        Ok(Self { _admin: admin, sharing, _claim: claim })
    }
}

/// The listener for uploads. Without an address the port of the last session is used if it is free, because
/// other peers may still have it in their lists.
fn upload_listener(upload: Option<Listen>, shared: &Path) -> io::Result<TcpListener> {
    match upload {
        Some(upload) => upload.bind().map_err(|error| {
            let remedy = remedy(error.kind(), upload.port(), "--upload");
            let remedy = remedy.map_or_else(String::new, |remedy| format!("; {remedy}"));
            io::Error::new(error.kind(), format!("cannot upload from {upload}: {error}{remedy}"))
        }),
        None => {
            let store = port_file(shared);
            let store = store.map(|store| StoreFile::new(&store, PORT_BYTES));
            let before = store.as_ref().and_then(StoreFile::read);
            let before = before.and_then(|port| port.trim().parse::<u16>().ok());
            let again = before.and_then(|port| net::listen_everywhere(port).ok());
            let listener = again.map_or_else(|| net::listen_everywhere(0), Ok)?;
            if let Some(store) = &store {
                let port = listener.local_addr()?.port();
                if let Err(error) = store.replace(|_| format!("{port}\n")) {
                    log::debug!("the port is not stored: {error}");
                }
            }
            Ok(listener)
        }
    }
}

/// Returns the function that prints the events of the registration: the first one on standard output, where
/// scripts wait for it, and later ones as notices. Unless `patient`, failures before the first registration
/// are not printed, because the caller reports them.
pub(in crate::cli) fn event_printer(
    server: Endpoint,
    format: Format,
    notices: Notices,
    patient: bool,
) -> impl Fn(Event) + Send + Sync + 'static {
    let (first, away) = (AtomicBool::new(true), AtomicBool::new(false));
    move |event| match event {
        Event::Registered(count) => {
            away.store(false, Ordering::Relaxed);
            let documents = counted(count, "document");
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
            notices.print(&format!("the index did not register {document}{others}: {status}"));
            let is_first = first.load(Ordering::Relaxed);
            if is_first && refusal == Refusal::BadRequest {
                notices.print(&upload_server(&server));
            }
        }
        Event::RegisteredLater(count) => {
            let documents = counted(count, "more document");
            notices.print(&format!("registered {documents} with {server}"));
        }
        Event::NotSupported(count) => {
            let documents = counted(count, "document");
            notices.print(&format!(
                "{documents} not registered: the index has not shown that it knows \
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
