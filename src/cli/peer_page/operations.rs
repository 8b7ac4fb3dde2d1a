//! What the page of a peer shows and does, as values. Each operation is that of a command of the shell: `docs`,
//! `status`, `search`, `lookup`, `list`, `get`, Ctrl-C, and `why`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::find::{Finder, Wanted};
use super::json::{self, document_of_form, document_of_query, milliseconds};
use super::library::{Filter, library_page};
use crate::admin::Refused;
use crate::cli::downloads::history::History;
use crate::cli::session::background::{BackgroundDownloads, NotRequested};
use crate::cli::session::downloads::SessionDownloads;
use crate::cli::values::quantity::size;
use crate::error_chain::error_chain;
use crate::http::{HttpStatus, Request};
use crate::limits;
use crate::peer::UploadServer;
use crate::protocol::Document;

/// The operations of a peer that shares.
pub(in crate::cli) struct Operations {
    background: BackgroundDownloads,
    uploads: Arc<UploadServer>,
    finder: Finder,
}

impl Operations {
    pub(in crate::cli) fn new(session: SessionDownloads, uploads: Arc<UploadServer>) -> Self {
        let finder = Finder::new(session.library.clone(), session.registrations.clone());
        Self { background: BackgroundDownloads::new(session), uploads, finder }
    }

    fn session(&self) -> &SessionDownloads {
        &self.background.session
    }

    /// Adds the transfers that run, and the downloads that have ended.
    pub(super) fn show_transfers(&self, addresses: bool, to: &mut Map<String, Value>) {
        let most = limits::SHOWN_TRANSFERS;
        let downloads = &self.session().downloads;
        let (running, all_running) = downloads.each(most);
        let (waiting, all_waiting) = self.background.waiting(most.saturating_sub(running.len()));
        let running = running.iter().map(|one| json::running(one, addresses));
        let shown: Vec<Value> = running.chain(waiting.iter().map(json::waiting)).collect();
        let more = (all_running + all_waiting).saturating_sub(shown.len());
        let uploads = self.uploads.running();
        let ended = downloads.ended();
        for (name, value) in [
            ("running_downloads", shown.into()),
            ("more_downloads", more.into()),
            ("ended", ended.iter().map(|one| json::ended(one, addresses)).collect()),
            (
                "running_uploads",
                uploads.iter().take(most).map(|one| json::upload(one, addresses)).collect(),
            ),
            ("more_uploads", uploads.len().saturating_sub(most).into()),
        ] {
            to.insert(name.into(), value);
        }
    }

    /// A page of the documents that are shared: the parameters are `q`, `state` and `first`.
    pub(super) fn library(&self, request: &Request) -> Result<Value, Refused> {
        let parameter = |name: &str| request.parameter(name).unwrap_or_default();
        let filter = Filter::new(&parameter("q"), &parameter("state"));
        let first = match &*parameter("first") {
            "" => 0,
            text => text.parse().map_err(|_| {
                (HttpStatus::BadRequest, "expected a number of rows in `first`".to_string())
            })?,
        };
        let SessionDownloads { library, registrations, .. } = self.session();
        Ok(library_page(library, registrations, &filter, first))
    }

    /// What the index servers list: the parameters are `by` and `q`.
    pub(super) fn find(&self, request: &Request, addresses: bool) -> Result<Value, Refused> {
        let by = request.parameter("by").unwrap_or_default();
        let text = request.parameter("q").unwrap_or_default();
        self.finder.find(Wanted::parse(&by, &text)?, addresses)
    }

    /// What has happened to a document.
    pub(super) fn why(&self, request: &Request, addresses: bool) -> Result<Value, Refused> {
        let document = document_of_query(request)?;
        let SessionDownloads { library, journal, .. } = self.session();
        let history = History::of(library, journal, &document);
        if !history.is_something() {
            let reason = format!("{document} was never requested here");
            return Err((HttpStatus::NotFound, reason));
        }
        // Events and paths may name other programs and directories.
        let (events, lines) = match addresses {
            true => (history.events(size).collect(), history.lines(size)),
            false => (Vec::new(), Vec::new()),
        };
        let events = events
            .into_iter()
            .map(|(time, text)| json!({"time": milliseconds(time), "what": text}));
        let mut object = json::named_document(&document);
        object.insert("v".into(), 1.into());
        object.insert("events".into(), events.collect());
        object.insert("lines".into(), lines.into());
        object.insert("is_hidden".into(), (!addresses).into());
        Ok(object.into())
    }

    /// Requests the download of a document, and returns what is done.
    pub(super) fn download(&self, request: &Request) -> Result<(Document, Value), Refused> {
        let document = document_of_form(request)?;
        self.background.request(&document).map_err(|error| {
            let status = match error {
                NotRequested::Here(_) | NotRequested::Running(_) => HttpStatus::Conflict,
                NotRequested::NotSaved { .. } => HttpStatus::BadRequest,
                NotRequested::TooMany | NotRequested::Thread(_) => HttpStatus::ServiceUnavailable,
            };
            (status, error_chain(&error))
        })?;
        let object = json::named_document(&document);
        Ok((document, json!({"v": 1, "requested": object})))
    }

    /// Cancels the download of a document.
    pub(super) fn cancel(&self, request: &Request) -> Result<(Document, Value), Refused> {
        let document = document_of_form(request)?;
        if !self.background.cancel(&document) {
            let reason = format!("{document} is not being downloaded");
            return Err((HttpStatus::NotFound, reason));
        }
        let object = json::named_document(&document);
        Ok((document, json!({"v": 1, "cancelled": object})))
    }
}
