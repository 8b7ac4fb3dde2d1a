//! A session, which shares a directory: the upload server, the registration, and the threads that keep
//! the library up to date.

use std::io;
use std::iter;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::downloads::SessionDownloads;
use super::share_claim::ShareClaim;
use crate::admin::{ObservedPeer, ObservedTable};
use crate::cli::admin::{AdminServer, print_addresses};
use crate::cli::args::Args;
use crate::cli::downloads::running::Downloads;
use crate::cli::downloads::subdirectories::share_downloaded;
use crate::cli::errors::command_error::CommandError;
use crate::cli::lan::LanPeers;
use crate::cli::output::format::Format;
use crate::cli::output::notices::Notices;
use crate::cli::output::outcome::shown;
use crate::cli::output::print::{print_json, print_prose};
use crate::cli::peer_page::PeerPage;
use crate::cli::peer_reload::PeerLimits;
use crate::cli::user_directory::{port_file, stored_digests};
use crate::cli::values::endpoints::Servers;
use crate::cli::values::option_values::{Listen, remedy};
use crate::library::{Library, StoreFile};
use crate::net;
use crate::peer::{Downloader, Event, Journal, Sharing, SharingOptions};
use crate::protocol::Endpoint;

/// Bytes of the file in which the port is stored.
const PORT_BYTES: u64 = 16;

/// What a session downloads with.
pub(in crate::cli) struct Downloading {
    pub(in crate::cli) downloader: Downloader,
    pub(in crate::cli) journal: Arc<Journal>,
    pub(in crate::cli) notices: Notices,
}

/// A shared directory, as the programs of one user see it.
pub(in crate::cli) struct Session {
    /// Others find the peer until it ends.
    _lan: LanPeers,
    /// Ends before what it shows.
    _admin: Option<AdminServer>,
    /// What downloads in the background need.
    pub(in crate::cli) downloads: SessionDownloads,
    pub(in crate::cli) sharing: Sharing,
    /// The node of the distributed hash table.
    pub(in crate::cli) table: ObservedTable,
    _claims: Vec<ShareClaim>,
}

impl Session {
    /// Starts the session.
    ///
    /// # Errors
    /// When the directory cannot be shared, or a thread or the listener cannot be started.
    pub(in crate::cli) fn start(
        args: &Args,
        servers: &Servers,
        limits: &PeerLimits,
        downloading: Downloading,
        on_event: impl Fn(&Endpoint, Event) + Send + Sync + 'static,
    ) -> Result<Self, CommandError> {
        let library = Library::scan_all_quiet(&args.share, args.depth(), &args.more_shares);
        let library = library.map_err(|source| CommandError::File {
            what: format!("cannot share `{}`", shown(&args.share)),
            source,
        })?;
        let digests = stored_digests();
        library.write().set_digests(digests);
        let others = args.more_shares.iter().map(|share| &*share.path);
        let claims = iter::once(&*args.share).chain(others).map(ShareClaim::of).collect();
        let Downloading { downloader, journal, notices } = downloading;
        share_downloaded(&library, &journal);
        let admin = args.admin.listen()?;
        let listener = upload_listener(args.upload, &args.share).map_err(CommandError::Start)?;
        let uploads = limits.uploads(args);
        let address = listener.local_addr().map_err(CommandError::Start)?;
        let host = args.host.clone();
        let table = args.dht.join(servers, Some(address))?;
        let lan = LanPeers::join(args.lan, Some(address))?;
        let sources = lan.sources().into_iter().chain(table.sources()).collect();
        let options = SharingOptions { host, uploads, sources, ..SharingOptions::default() };
        // Others may connect from now on. Standard output may be closed; that does not keep the peer
        // from uploading.
        let uploading = match args.format() {
            Format::Json => print_json(&json!({"v": 1, "uploading_from": address.to_string()})),
            Format::Raw | Format::Table => print_prose(format_args!("uploading from {address}")),
        };
        if let Err(error) = uploading {
            log::warn!("uploading from {address}, which cannot be printed: {error}");
        }
        print_addresses(&admin, args.format());
        let (first, others) = (servers.first.clone(), servers.others.clone());
        let sharing = Sharing::start_with_all(library, listener, first, others, options, on_event)
            .map_err(CommandError::Start)?;
        table.announce(&sharing.library).map_err(CommandError::Start)?;
        let downloads = SessionDownloads {
            downloader,
            journal,
            library: sharing.library.clone(),
            registrations: sharing.registrations.clone(),
            downloads: Downloads::default(),
            notices,
        };
        let observed = ObservedPeer {
            library: sharing.library.clone(),
            registrations: sharing.registrations.clone(),
            uploads: Arc::clone(&sharing.uploads),
            downloads: Arc::clone(downloads.downloads.totals()),
            table: table.observed(),
        };
        let table = table.observed();
        let admin = args.admin.serve(admin, PeerPage::new(observed, downloads.clone()))?;
        Ok(Self { _lan: lan, _admin: admin, downloads, sharing, table, _claims: claims })
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
