//! The metrics and the health of a peer that shares a directory.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::exposition::{Exposition, number};
use super::program::Observed;
use super::request_metrics::{expose_refusals, expose_requests};
use super::table::ObservedTable;
use crate::counters::Cause;
use crate::download::DownloadTotals;
use crate::library::SharedLibrary;
use crate::net::{AccessPolicy, OpenConnection, Stop};
use crate::registration::Registrations;
use crate::upload::{RunningUpload, UPLOAD_METHODS, UploadServer};

/// The codes of its replies.
const STATUSES: [u16; 7] = [200, 206, 400, 404, 416, 503, 505];

/// The causes of its refusals.
const CAUSES: [Cause; 13] = [
    Cause::Connections,
    Cause::ConnectionsOfNetwork,
    Cause::ConnectionsOfSite,
    Cause::Abuse,
    Cause::Denied,
    Cause::Threads,
    Cause::Grammar,
    Cause::Version,
    Cause::NotFound,
    Cause::Range,
    Cause::Slots,
    Cause::HandingOver,
    Cause::File,
];

/// A peer that is observed.
#[derive(Clone, Debug)]
pub struct ObservedPeer {
    /// What it shares.
    pub library: SharedLibrary,
    /// Its registrations with index servers.
    pub registrations: Registrations,
    /// Its uploads.
    pub uploads: Arc<UploadServer>,
    /// Its downloads.
    pub downloads: Arc<DownloadTotals>,
    /// Its node of the distributed hash table.
    pub table: ObservedTable,
}

impl ObservedPeer {
    /// How many connections and requests were refused, by cause.
    pub fn refusals(&self) -> impl Iterator<Item = (Cause, u64)> {
        CAUSES.into_iter().map(|cause| (cause, self.uploads.refused(cause)))
    }
}

impl Observed for ObservedPeer {
    fn name(&self) -> &'static str {
        "peer"
    }

    fn check(&self) {
        self.library.read().len();
    }

    fn check_ready(&self) -> Result<Option<String>, String> {
        if self.uploads.stop().is_draining() {
            return Err("it is about to end".into());
        }
        let registered = self.registrations.check_registered().map(|()| None);
        registered.or_else(|reason| match self.table.serves() {
            true => Ok(Some(format!("found by the distributed hash table alone: {reason}"))),
            false => Err(reason),
        })
    }

    fn stop(&self) -> &Stop {
        self.uploads.stop()
    }

    fn access(&self) -> &AccessPolicy {
        self.uploads.access()
    }

    fn describe(&self, connection: &OpenConnection, to: &mut Map<String, Value>) {
        let running = self.uploads.running();
        let upload = running.into_iter().find(|upload| upload.reader == connection.address);
        if let Some(RunningUpload { document, sent, total, bytes_per_second, .. }) = upload {
            to.insert("document".into(), document.to_string().into());
            to.insert("sent".into(), sent.into());
            to.insert("total".into(), total.into());
            to.insert("bytes_per_second".into(), bytes_per_second.into());
        }
    }

    fn summarize(&self, to: &mut Map<String, Value>) {
        let Self { library, registrations, uploads, downloads, table } = self;
        let refused: u64 = self.refusals().map(|(_, count)| count).sum();
        let totals = uploads.totals();
        for (name, value) in [
            ("documents", library.read().len() as u64),
            ("registered_records", registrations.accepted() as u64),
            ("readers", uploads.connections() as u64),
            ("uploads", totals.documents()),
            ("uploaded_bytes", totals.sent()),
            ("downloads", downloads.complete()),
            ("downloaded_bytes", downloads.bytes()),
            ("refusals", refused),
        ] {
            to.insert(name.into(), value.into());
        }
        let server = registrations.all().find(|one| one.check_registered().is_ok());
        to.insert("index_server".into(), server.map(|one| one.server().to_string()).into());
        let cluster = server.and_then(|one| one.cluster()).map(|cluster| cluster.to_string());
        to.insert("cluster".into(), cluster.into());
        let state = registrations.check_registered().err();
        to.insert("registered".into(), state.is_none().into());
        if let Some(reason) = state {
            to.insert("not_registered_because".into(), reason.into());
        }
        table.summarize(to);
    }

    fn expose(&self, to: &mut Exposition<'_>) -> fmt::Result {
        let Self { library, registrations, uploads, downloads, table } = self;
        let documents = library.read().len();
        to.gauge("p2p_ci_shared_documents", "Documents that are shared", number(documents))?;
        let is_registered = u8::from(registrations.check_registered().is_ok());
        let help = "Whether all documents are registered with the index";
        to.gauge("p2p_ci_registered", help, f64::from(is_registered))?;
        let help = "Records that the index has accepted on the present connection";
        to.gauge("p2p_ci_registered_records", help, number(registrations.accepted()))?;

        let (connections, totals) = (uploads.connections(), uploads.totals());
        to.gauge("p2p_ci_upload_connections", "Connections of readers", number(connections))?;
        let running = number(uploads.running().len());
        to.gauge("p2p_ci_uploads_running", "Documents that are being uploaded", running)?;
        let help = "Documents that were uploaded, whole or in part";
        to.counter("p2p_ci_uploads", help, number(totals.documents()))?;
        let help = "Bytes of documents that were sent";
        to.counter("p2p_ci_uploaded_bytes", help, number(totals.sent()))?;
        expose_requests(to, UPLOAD_METHODS, &STATUSES, &totals.requests())?;
        expose_refusals(to, &CAUSES, |cause| uploads.refused(cause))?;

        let running = number(downloads.running());
        to.gauge("p2p_ci_downloads_running", "Documents that are being downloaded", running)?;
        let results = [("complete", downloads.complete()), ("failed", downloads.failed())];
        let results = results.map(|(result, count)| ([("result", result)], count));
        to.counters("p2p_ci_downloads", "Documents that were downloaded, or given up", results)?;
        let help = "Bytes of documents that were received";
        to.counter("p2p_ci_downloaded_bytes", help, number(downloads.bytes()))?;
        table.expose(to)
    }
}
