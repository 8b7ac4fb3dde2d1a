//! The peer of a session as a program with a status page.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::operations::Operations;
use crate::admin::{Exposition, Observed, ObservedPeer, log_change};
use crate::cli::session::downloads::SessionDownloads;
use crate::counters::LiveRequests;
use crate::net::{AccessPolicy, OpenConnection, Stop};
use crate::status_page::{Parts, Paths, Series, Sight, StatusPage};

/// A peer that is observed, and downloads for the readers of its page.
pub(in crate::cli) struct PeerPage {
    observed: ObservedPeer,
    operations: Operations,
}

impl PeerPage {
    /// The page of a peer that is observed, which downloads with the parts of a session.
    pub(in crate::cli) fn new(observed: ObservedPeer, session: SessionDownloads) -> Self {
        let operations = Operations::new(session, Arc::clone(&observed.uploads));
        Self { observed, operations }
    }
}

impl Observed for PeerPage {
    fn name(&self) -> &'static str {
        self.observed.name()
    }

    fn check(&self) {
        self.observed.check();
    }

    fn check_ready(&self) -> Result<Option<String>, String> {
        self.observed.check_ready()
    }

    fn stop(&self) -> &Stop {
        self.observed.stop()
    }

    fn access(&self) -> &AccessPolicy {
        self.observed.access()
    }

    fn describe(&self, connection: &OpenConnection, to: &mut Map<String, Value>) {
        self.observed.describe(connection, to);
    }

    fn summarize(&self, to: &mut Map<String, Value>) {
        self.observed.summarize(to);
    }

    fn expose(&self, to: &mut Exposition<'_>) -> fmt::Result {
        self.observed.expose(to)
    }
}

impl StatusPage for PeerPage {
    fn parts(&self) -> Parts {
        self.observed.parts()
    }

    fn series(&self) -> &'static [Series] {
        self.observed.series()
    }

    fn values(&self) -> Vec<u64> {
        self.observed.values()
    }

    fn show(&self, sight: Sight, to: &mut Map<String, Value>) {
        self.observed.show(sight, to);
        self.operations.show_transfers(sight.addresses, to);
    }

    fn live(&self) -> &LiveRequests {
        self.observed.live()
    }

    fn add_paths(self: &Arc<Self>, paths: Paths) -> Paths {
        let [library, find, why, download, cancel] = [(); 5].map(|()| Arc::clone(self));
        paths
            .read("/page/library", move |request, _| library.operations.library(request))
            .read("/page/find", move |request, sight| {
                find.operations.find(request, sight.addresses)
            })
            .read("/page/why", move |request, sight| why.operations.why(request, sight.addresses))
            .change("/page/download", move |request| {
                let (document, done) = download.operations.download(request)?;
                log_change(request, format_args!("requested the download of {document}"));
                Ok(done)
            })
            .change("/page/cancel", move |request| {
                let (document, done) = cancel.operations.cancel(request)?;
                log_change(request, format_args!("cancelled the download of {document}"));
                Ok(done)
            })
    }
}
