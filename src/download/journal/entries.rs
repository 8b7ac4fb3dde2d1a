//! Events of the journal: their lines, and which of them are kept.
//!
//! ```text
//! line = seconds-since-1970 TAB document TAB ( "wanted" [ TAB digest ] / "fetched" TAB digest TAB length TAB holder
//!      / "found" TAB sources / "failed" TAB holder TAB reason / "not fetched" TAB reason / "waits" TAB seconds / "given up"
//!      / "replaced" )
//! ```
//!
//! A line that cannot be read is skipped: the last one may be half-written.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::escape::escaped;
use crate::limits;
use crate::protocol::{Digest, Document, Endpoint};

/// Characters of a reason that are kept: it may quote a holder.
const REASON: usize = 400;

/// An event in the history of a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// It is to be downloaded, with this digest if one is required.
    Wanted(Option<Digest>),
    /// Holders were learned from these sources.
    Found(String),
    /// A holder did not deliver it, for this reason.
    Failed(Endpoint, String),
    /// It was not fetched, and not because of a holder: for example, no peer has it.
    NotFetched(String),
    /// It is tried again after this time.
    Waits(Duration),
    /// It was downloaded: its digest, its length, and the holder that delivered most of it.
    Fetched(Digest, u64, Endpoint),
    /// Its file was found in the shared directory: a user or another process has put it there.
    Present,
    /// It is not tried any more.
    GivenUp,
    /// Its downloaded file was replaced by that of another document.
    Replaced,
}

impl Event {
    /// Whether it decides if a document is unfinished.
    fn is_decisive(&self) -> bool {
        match self {
            Self::Wanted(_)
            | Self::Fetched(..)
            | Self::Present
            | Self::GivenUp
            | Self::Replaced => true,
            Self::Found(_) | Self::Failed(..) | Self::NotFetched(_) | Self::Waits(_) => false,
        }
    }

    /// Whether the document has a downloaded file after this event; `None` if the event changes nothing.
    fn has_file(&self) -> Option<bool> {
        match self {
            Self::Fetched(..) => Some(true),
            Self::Replaced => Some(false),
            _ => None,
        }
    }
}

/// An event and its time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// When it happened.
    pub time: SystemTime,
    /// The event.
    pub event: Event,
}

/// Entries by document, the oldest of each first.
#[derive(Debug, Default)]
pub(super) struct Entries {
    by_document: BTreeMap<Document, Vec<Entry>>,
    /// Bytes of their lines.
    bytes: usize,
}

impl Entries {
    /// Adds one. Of each document only the last ones are kept, and old documents are dropped when
    /// all entries become too large.
    pub(super) fn add(&mut self, document: Document, entry: Entry) {
        self.bytes += length(&document, &entry);
        // A growing vector begins with room for four, and most documents have one entry.
        let entries = self.by_document.entry(document).or_insert_with(|| Vec::with_capacity(1));
        entries.push(entry);
        if entries.len() > limits::JOURNAL_ENTRIES * 2 {
            trim(entries, limits::JOURNAL_ENTRIES);
        }
        if self.bytes > limits::JOURNAL_BYTES {
            self.fit(limits::JOURNAL_BYTES / 2);
        }
    }

    /// The entries of one document.
    pub(super) fn of(&self, document: &Document) -> &[Entry] {
        self.by_document.get(document).map(Vec::as_slice).unwrap_or_default()
    }

    /// The documents whose last decisive event is that they are wanted.
    pub(super) fn unfinished(&self) -> BTreeMap<Document, Option<Digest>> {
        let open = self.by_document.iter();
        open.filter_map(|(document, one)| Some((document.clone(), wanted(one)?))).collect()
    }

    /// The last digest of each document that was fetched and not replaced.
    pub(super) fn fetched(&self) -> BTreeMap<Document, Digest> {
        let digest = |entries: &[Entry]| match entries
            .iter()
            .rev()
            .find(|entry| entry.event.has_file().is_some())?
            .event
        {
            Event::Fetched(digest, ..) => Some(digest),
            _ => None,
        };
        let all = self.by_document.iter();
        all.filter_map(|(document, one)| Some((document.clone(), digest(one)?))).collect()
    }

    /// Drops the least important entries until the lines have at most this many bytes: first old entries of
    /// every document, then the documents that were finished longest ago, then others.
    pub(super) fn fit(&mut self, most: usize) {
        for kept in [limits::JOURNAL_ENTRIES, 1] {
            self.by_document.values_mut().for_each(|entries| trim(entries, kept));
            self.bytes = self.by_document.iter().map(|(document, one)| size(document, one)).sum();
            if self.bytes <= most {
                return;
            }
        }
        let last = |one: &[Entry]| one.last().map_or(UNIX_EPOCH, |entry| entry.time);
        let rank = |(document, one): (&Document, &Vec<Entry>)| {
            (wanted(one).is_some(), last(one), document.clone())
        };
        let mut ranked: Vec<_> = self.by_document.iter().map(rank).collect();
        ranked.sort();
        for (_, _, document) in ranked {
            if self.bytes <= most {
                return;
            }
            if let Some(entries) = self.by_document.remove(&document) {
                self.bytes = self.bytes.saturating_sub(size(&document, &entries));
            }
        }
    }

    /// The lines of all entries.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (document, entries) in &self.by_document {
            entries.iter().for_each(|entry| append_line(&mut text, document, entry));
        }
        text
    }
}

/// The digest of a document that is still wanted.
#[expect(clippy::option_option, reason = "it is wanted or not, and with a digest or without")]
fn wanted(entries: &[Entry]) -> Option<Option<Digest>> {
    match entries.iter().rev().find(|entry| entry.event.is_decisive())?.event {
        Event::Wanted(digest) => Some(digest),
        _ => None,
    }
}

/// Keeps the last entries, and those that decide whether the document is unfinished and with which
/// digest it was fetched.
fn trim(entries: &mut Vec<Entry>, kept: usize) {
    let last = |is_one: &dyn Fn(&Event) -> bool| entries.iter().rposition(|e| is_one(&e.event));
    let decisive = last(&Event::is_decisive);
    let fetched = last(&|event| event.has_file().is_some());
    let first = entries.len().saturating_sub(kept);
    let mut at = 0;
    entries.retain(|_| {
        let is_kept = at >= first || Some(at) == decisive || Some(at) == fetched;
        at += 1;
        is_kept
    });
}

fn size(document: &Document, entries: &[Entry]) -> usize {
    entries.iter().map(|entry| length(document, entry)).sum()
}

/// Appends the line of an entry.
pub(super) fn append_line(out: &mut String, document: &Document, entry: &Entry) {
    // Writing to a string cannot fail.
    let _ = write_line(out, document, entry);
}

/// The number of bytes of the line of an entry.
fn length(document: &Document, entry: &Entry) -> usize {
    let mut length = Length(0);
    let _ = write_line(&mut length, document, entry);
    length.0
}

/// Counts bytes instead of storing them.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

fn write_line(out: &mut impl Write, document: &Document, entry: &Entry) -> fmt::Result {
    let seconds = entry.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    write!(out, "{seconds}\t{}\t", document.wire())?;
    match &entry.event {
        Event::Wanted(None) => out.write_str("wanted")?,
        Event::Wanted(Some(digest)) => write!(out, "wanted\t{digest}")?,
        Event::Found(sources) => write!(out, "found\t{}", shortened(sources))?,
        Event::Failed(holder, reason) => write!(out, "failed\t{holder}\t{}", shortened(reason))?,
        Event::NotFetched(reason) => write!(out, "not fetched\t{}", shortened(reason))?,
        Event::Fetched(digest, length, holder) => {
            write!(out, "fetched\t{digest}\t{length}\t{holder}")?;
        }
        Event::Waits(pause) => write!(out, "waits\t{}", pause.as_secs())?,
        Event::Present => out.write_str("present")?,
        Event::GivenUp => out.write_str("given up")?,
        Event::Replaced => out.write_str("replaced")?,
    }
    out.write_char('\n')
}

/// A reason may quote a holder. It is escaped: no tab, no line end.
fn shortened(reason: &str) -> String {
    escaped(reason).to_string().chars().take(REASON).collect()
}

pub(super) fn parse(line: &str) -> Option<(Document, Entry)> {
    let mut words = line.split('\t');
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(words.next()?.parse().ok()?))?;
    let (kind, name) = words.next()?.split_once(' ')?;
    let document = match kind {
        "RFC" => Document::Rfc(name.parse().ok()?),
        "FILE" => Document::File(name.parse().ok()?),
        _ => return None,
    };
    let event = match words.next()? {
        "wanted" => Event::Wanted(words.next().map(str::parse).transpose().ok()?),
        "found" => Event::Found(words.next()?.to_string()),
        "failed" => Event::Failed(words.next()?.parse().ok()?, words.next()?.to_string()),
        "not fetched" => Event::NotFetched(words.next()?.to_string()),
        "fetched" => Event::Fetched(
            words.next()?.parse().ok()?,
            words.next()?.parse().ok()?,
            words.next()?.parse().ok()?,
        ),
        "waits" => Event::Waits(Duration::from_secs(words.next()?.parse().ok()?)),
        "present" => Event::Present,
        "given up" => Event::GivenUp,
        "replaced" => Event::Replaced,
        _ => return None,
    };
    Some((document, Entry { time, event }))
}
