//! Showing requests to operators who watch.

use std::time::SystemTime;

use super::connection::Session;
use super::requests::{Done, Refused};
use crate::counters::LiveRequest;
use crate::protocol::{Document, IndexRequest, Listing, Status};
use crate::server::methods::{ADD, INDEX_METHODS, OTHER};

impl Session<'_> {
    /// What a request names.
    #[cold]
    pub(super) fn subject_of(request: &IndexRequest) -> String {
        match request {
            IndexRequest::Add { document, .. }
            | IndexRequest::Remove { document, .. }
            | IndexRequest::Lookup { document, .. } => document.to_string(),
            IndexRequest::List { listing: Listing::Rfcs, .. } => "ALL".into(),
            IndexRequest::List { listing: Listing::Files, .. } => "FILES".into(),
            IndexRequest::Search { words, .. } => words.to_string(),
        }
    }

    /// Shows a request. Records that wait are shown when they are added.
    #[cold]
    pub(super) fn show(&self, method: usize, subject: String, outcome: &Result<Done, Refused>) {
        let (status, records) = match outcome {
            Ok(Done::Pending) => return,
            Ok(Done::Changed) => (Status::Ok, None),
            Ok(Done::Sent(count)) => (Status::Ok, Some(*count)),
            Err(refused) => (refused.refusal.into(), None),
        };
        self.shared.live.add(|| self.live(method, subject, status, records));
    }

    /// The same for an ADD that is done.
    pub(super) fn show_added(&self, document: &Document, status: Status) {
        self.shared.live.add(|| self.live(ADD, document.to_string(), status, None));
    }

    /// The same for a request that violates the protocol.
    pub(super) fn show_fault(&self, status: Status) {
        self.shared.live.add(|| self.live(OTHER, String::new(), status, None));
    }

    fn live(
        &self,
        method: usize,
        subject: String,
        status: Status,
        records: Option<usize>,
    ) -> LiveRequest {
        let method = INDEX_METHODS.get(method).copied().unwrap_or_default();
        let (time, client, status) = (SystemTime::now(), self.address, status.code());
        LiveRequest { time, client, method, subject, status, records }
    }
}
