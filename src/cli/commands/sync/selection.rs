//! The documents that `sync` downloads: selected by its options, and missing in the library
//! (protocol.md section 4.5).

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::{io, iter};

use crate::cli::command::Sync;
use crate::cli::commands::browse::not_listed;
use crate::cli::context::Context;
use crate::cli::downloads::many::{Plan, plan};
use crate::cli::errors::command_error::CommandError;
use crate::escape::escaped;
use crate::library::{NotSaved, SharedLibrary};
use crate::limits;
use crate::peer::{Completeness, DownloadJob, Provenance, Source, each_listed};
use crate::protocol::{Digest, Document, Endpoint, Record};
use crate::system::listed_bytes;

/// The memory that each kept record takes besides the record: as the source of a download, among the
/// holders whose addresses are looked up, and while the holders of a document are ranked.
const RECORD_BYTES: usize =
    2 * size_of::<Source>() + 4 * size_of::<Endpoint>() + size_of::<Provenance>() + ALLOCATION;

/// The memory that each document takes, besides its paths: as a job, as a task of the queue while it is
/// moved there, as the line of a holder, and in the tables of running downloads, of earlier contents and
/// of the journal.
const DOCUMENT_BYTES: usize =
    4 * size_of::<DownloadJob>() + 6 * size_of::<Endpoint>() + 10 * ALLOCATION;

/// The memory that an allocation takes besides its bytes.
const ALLOCATION: usize = 32;

/// The memory of the records that are kept.
struct Memory {
    used: usize,
    most: usize,
    /// The bytes of the path of the shared directory, which each job has.
    directory: usize,
    /// The document of the last record. A list has the records of a document in a row; an index that
    /// sends them in another order is counted more than it takes.
    last: Option<Document>,
}

impl Memory {
    /// Adds a record. Returns whether there is room for it.
    fn add(&mut self, record: &Record) -> bool {
        let mut bytes = RECORD_BYTES + record.kept_bytes();
        if self.last.as_ref() != Some(&record.document) {
            // The name is in the job, in its path and in three tables.
            bytes += DOCUMENT_BYTES + self.directory + 4 * record.document.name_bytes();
            self.last = Some(record.document.clone());
        }
        self.used = self.used.saturating_add(bytes);
        self.used <= self.most
    }
}

/// The records of other peers that the options select.
pub(super) struct Selection {
    /// The records of documents that the library lacks, within the limit of memory, each with the address
    /// of the index that lists it.
    pub(super) missing: Vec<(Record, Provenance)>,
    pub(super) listed: Completeness,
    /// Whether other peers have any records.
    has_others: bool,
    /// Whether the peer of `--from` has any records, and another peer with its port.
    is_from_listed: bool,
    similar: Option<Endpoint>,
    /// Whether a title matches `--match`.
    is_matched: bool,
}

/// Reads the list of the index.
pub(super) fn select(
    context: &Context,
    library: &SharedLibrary,
    command: &Sync,
) -> Result<Selection, CommandError> {
    let directory = library.read().directory().as_os_str().len();
    let mut memory = Memory { used: 0, most: listed_bytes(), directory, last: None };
    let mut has_room = true;
    let mut owns = None;
    let is_here = |document: &Document| library.read().entry(document).is_some();
    let mut selection = Selection {
        missing: Vec::new(),
        listed: Completeness::Complete,
        has_others: false,
        is_from_listed: false,
        similar: None,
        is_matched: false,
    };
    let listed = each_listed(&context.index, &mut |record, learned_from| {
        let owns = owns.get_or_insert_with(|| context.index.owns());
        let is_own = owns.contains(&record.holder);
        selection.has_others |= !is_own;
        if let Some(from) = &command.from {
            if record.holder == *from {
                selection.is_from_listed = true;
            } else {
                if selection.similar.is_none() && record.holder.port == from.port {
                    selection.similar = Some(record.holder);
                }
                return ControlFlow::Continue(());
            }
        }
        if command.words.as_ref().is_some_and(|words| !words.are_in(&record.title)) {
            return ControlFlow::Continue(());
        }
        selection.is_matched = true;
        if !is_own && !is_here(&record.document) {
            has_room = memory.add(&record) && selection.missing.len() < limits::LISTED_RECORDS;
            if !has_room {
                return ControlFlow::Break(());
            }
            selection.missing.push((record, learned_from));
        }
        ControlFlow::Continue(())
    })?;
    selection.listed = if has_room {
        listed
    } else {
        let count = selection.missing.len();
        Completeness::incomplete(format!(
            "only the first {count} missing records are kept, to save memory; another `sync` continues"
        ))
    };
    Ok(selection)
}

impl Selection {
    /// Fails if an option has selected nothing of a complete list: then it is probably mistyped, or
    /// the peer is gone.
    pub(super) fn check(&self, command: &Sync) -> Result<(), CommandError> {
        if let Completeness::Incomplete(_) = self.listed {
            return Ok(());
        }
        match (&command.from, &command.words) {
            (Some(from), _) if !self.is_from_listed => Err(not_listed(from, self.similar.as_ref())),
            (from, Some(words)) if !self.is_matched => {
                let of = from
                    .as_ref()
                    .map_or_else(String::new, |from| format!(" of {}", escaped(&from.to_string())));
                let words = escaped(&words.to_string()).to_string();
                Err(CommandError::NotFound(format!("no title{of} in the list matches `{words}`")))
            }
            _ => Ok(()),
        }
    }

    /// The summary if there is nothing to download.
    pub(super) fn nothing_to_do(&self, command: &Sync, not_saved: usize) -> String {
        let is_selective = command.from.is_some() || command.words.is_some();
        let is_incomplete = matches!(self.listed, Completeness::Incomplete(_));
        let what = match (self.has_others, not_saved, is_selective) {
            (_, 0, false) if is_incomplete => "no document that was listed is missing here".into(),
            (_, 0, true) if is_incomplete => {
                "no document that was listed and that these options select is missing here".into()
            }
            (false, ..) => "no other peer has registered a document".to_string(),
            (true, 0, false) => "all that the index knows is here".to_string(),
            (true, 0, true) => "all that these options select is here".to_string(),
            (true, count, _) => format!(
                "of what is missing, {count} {} a name that is not saved here",
                if count == 1 { "document has" } else { "documents have" }
            ),
        };
        format!("nothing to do: {what}")
    }
}

/// The documents that the library lacks.
pub(super) struct Missing {
    pub(super) jobs: Vec<DownloadJob>,
    /// Documents that are never saved from the network. That is no failure.
    pub(super) not_saved: Vec<(Document, NotSaved)>,
    /// Documents whose files cannot be created.
    pub(super) failed: Vec<(Document, io::Error)>,
}

/// The documents of these records that the library lacks, with all their holders.
pub(super) fn missing(
    library: &SharedLibrary,
    mut records: Vec<(Record, Provenance)>,
    trusted: &HashMap<Document, Digest>,
) -> Missing {
    // Sorted instead of collected by document: there can be a million.
    records.sort_by(|(one, _), (other, _)| one.document.cmp(&other.document));
    let mut records = records.into_iter().peekable();
    let mut missing = Missing { jobs: Vec::new(), not_saved: Vec::new(), failed: Vec::new() };
    while let Some(first) = records.next() {
        let document = first.0.document.clone();
        let more = iter::from_fn(|| records.next_if(|(record, _)| record.document == document));
        let records = iter::once(first).chain(more);
        let source = |(record, learned_from): (Record, Provenance)| Source {
            provenance: learned_from,
            title: Some(record.title),
            ..record.holder.into()
        };
        let candidates: Vec<Source> = records.map(source).collect();
        let digest = trusted.get(&document).copied();
        match plan(library, document.clone(), candidates, digest, None) {
            Ok(Plan::Here(_)) => {}
            Ok(Plan::Fetch(job)) => missing.jobs.push(job),
            Ok(Plan::NotSaved(reason)) => missing.not_saved.push((document, reason)),
            Err(error) => missing.failed.push((document, error)),
        }
    }
    missing
}
