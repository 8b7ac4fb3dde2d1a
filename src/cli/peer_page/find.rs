//! Documents that other peers have, as the index servers list them. A query may take long, so it has a thread, which is
//! cancelled when the time for the reply is over.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use serde_json::{Value, json};

use super::json::{endpoints, named_document};
use crate::admin::Refused;
use crate::cli::errors::command_error::CommandError;
use crate::cli::meant::NameLookup;
use crate::cli::search_records::search_each;
use crate::cli::values::named::parse_document;
use crate::error_chain::error_chain;
use crate::http::HttpStatus;
use crate::library::SharedLibrary;
use crate::limits;
use crate::peer::{
    AskIndex, Cancel, Completeness, IndexGroup, Query, Registrations, request_records,
};
use crate::protocol::{Document, Endpoint, Listing, Record, ReplyPart, Title, Words};

/// What is looked for.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// Titles with these words.
    Words(Words),
    /// A document, as it was typed.
    Named(Document),
    /// All RFCs, or all other documents.
    All(Listing),
}

impl Wanted {
    /// Reads a request: `by` is `title`, `name`, `rfcs` or `files`.
    pub(super) fn parse(by: &str, text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        let wanted = match by {
            "title" if text.is_empty() => Err("expected words of a title, found none".into()),
            "title" => text.parse().map(Self::Words).map_err(|error| error.to_string()),
            "name" => parse_document(text).map(Self::Named),
            "rfcs" => Ok(Self::All(Listing::Rfcs)),
            "files" => Ok(Self::All(Listing::Files)),
            _ => Err("expected `title`, `name`, `rfcs` or `files`".into()),
        };
        wanted.map_err(|reason: String| (HttpStatus::BadRequest, reason))
    }
}

/// Asks the index servers of a peer.
#[derive(Clone)]
pub(super) struct Finder {
    pub(super) library: SharedLibrary,
    pub(super) registrations: Registrations,
    /// Queries that run.
    running: Arc<AtomicUsize>,
}

impl Finder {
    pub(super) fn new(library: SharedLibrary, registrations: Registrations) -> Self {
        Self { library, registrations, running: Arc::default() }
    }

    /// The documents that were found, with their holders if addresses may be shown.
    pub(super) fn find(&self, wanted: Wanted, addresses: bool) -> Result<Value, Refused> {
        let place = Place::of(&self.running).ok_or_else(|| {
            let reason = "several searches run already; try again in a moment";
            (HttpStatus::ServiceUnavailable, reason.into())
        })?;
        let (this, cancel, (sender, receiver)) = (self.clone(), Cancel::new(), channel());
        let cancelled = cancel.clone();
        let work = move || {
            let _place = place;
            let index = this.registrations.queries();
            index.cancel_with(&cancelled);
            // The receiver has gone when the time was over.
            let _ = sender.send(this.ask(&index, &wanted));
        };
        let thread = thread::Builder::new().name("find".into());
        thread.spawn(work).map_err(|error| {
            (HttpStatus::ServiceUnavailable, format!("cannot start a thread: {error}"))
        })?;
        match receiver.recv_timeout(limits::FIND_TIME) {
            Ok(Ok(found)) => Ok(self.shown(&found, addresses)),
            Ok(Err(error)) => Err((HttpStatus::ServiceUnavailable, error_chain(&error))),
            Err(error) => {
                cancel.cancel();
                let reason = match error {
                    RecvTimeoutError::Timeout => format!(
                        "the index has not answered within {} s; try again",
                        limits::FIND_TIME.as_secs()
                    ),
                    RecvTimeoutError::Disconnected => "this program failed; see its log".into(),
                };
                Err((HttpStatus::ServiceUnavailable, reason))
            }
        }
    }

    fn ask(&self, index: &IndexGroup, wanted: &Wanted) -> Result<Found, CommandError> {
        let mut found = Found::default();
        let listed = match wanted {
            Wanted::Words(words) => {
                let limit = limits::FOUND_RECORDS.to_string().parse().ok();
                let members = index.members()?;
                let one: [&dyn AskIndex; 1] = [index];
                let members = if members.is_empty() { &one[..] } else { &members };
                let (records, listed) =
                    search_each(members, words, limit, limits::FOUND_RECORDS, || Ok(()))?;
                found.is_truncated = records.len() >= limits::FOUND_RECORDS;
                for record in records {
                    let _ = found.add(record, None);
                }
                listed
            }
            Wanted::Named(typed) => {
                let names = NameLookup { index, library: Some(&self.library) };
                let document = names.listed_form(typed);
                let holders = names.holders(&document)?;
                for holder in holders.found {
                    let _ = found.add(holder.record, holder.content.length);
                }
                holders.completeness
            }
            Wanted::All(listing) => {
                request_records(index, Query::List(*listing), &mut |part| match part {
                    ReplyPart::Record(record) => found.add(record, None),
                    _ => ControlFlow::Continue(()),
                })?
            }
        };
        if let Completeness::Incomplete(gap) = listed {
            found.incomplete = Some(gap.reason);
        }
        Ok(found)
    }

    fn shown(&self, found: &Found, addresses: bool) -> Value {
        let library = self.library.read();
        let owns = self.registrations.owns();
        let row = |one: &FoundDocument| {
            let others: Vec<Endpoint> =
                one.holders.iter().filter(|holder| !owns.contains(holder)).cloned().collect();
            let mut row = named_document(&one.document);
            row.insert("title".into(), one.title.as_str().into());
            row.insert("bytes".into(), one.length.into());
            row.insert("holders".into(), others.len().into());
            row.insert("is_here".into(), library.entry(&one.document).is_some().into());
            if addresses {
                let first = others.get(..limits::SHOWN_HOLDERS).unwrap_or(&others);
                row.insert("from".into(), endpoints(first));
            }
            Value::Object(row)
        };
        json!({
            "v": 1,
            "documents": found.documents.iter().map(row).collect::<Vec<Value>>(),
            "is_truncated": found.is_truncated,
            "incomplete": found.incomplete,
        })
    }
}

/// A place among the queries that run at the same time.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn of(running: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |count| (count < limits::FINDS).then_some(count + 1);
        running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(Arc::clone(running)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Documents with their holders, in the order of the reply.
#[derive(Debug, Default)]
struct Found {
    documents: Vec<FoundDocument>,
    places: HashMap<Document, usize>,
    records: usize,
    is_truncated: bool,
    /// Why records may be missing.
    incomplete: Option<String>,
}

#[derive(Debug)]
struct FoundDocument {
    document: Document,
    title: Title,
    length: Option<u64>,
    holders: Vec<Endpoint>,
}

impl Found {
    /// Adds a record, unless there are too many.
    fn add(&mut self, record: Record, length: Option<u64>) -> ControlFlow<()> {
        let Record { document, title, holder } = record;
        let place = self.places.get(&document).copied();
        let is_full = place.is_none() && self.documents.len() >= limits::FOUND_DOCUMENTS;
        if is_full || self.records >= limits::FOUND_RECORDS {
            self.is_truncated = true;
            return ControlFlow::Break(());
        }
        self.records += 1;
        match place.and_then(|place| self.documents.get_mut(place)) {
            Some(known) => {
                if !known.holders.contains(&holder) {
                    known.holders.push(holder);
                }
                known.length = known.length.or(length);
            }
            None => {
                self.places.insert(document.clone(), self.documents.len());
                self.documents.push(FoundDocument {
                    document,
                    title,
                    length,
                    holders: vec![holder],
                });
            }
        }
        ControlFlow::Continue(())
    }
}
