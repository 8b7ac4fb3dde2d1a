//! What was tried for each document, and what came of it: a file that is only appended to.
//!
//! It answers why a document is not here, tells with which digest one was fetched, and which ones
//! were being fetched when a program was killed. A line that cannot be read is passed over: the
//! last one may be half-written.
//!
//! ```text
//! line = seconds-since-1970 TAB document TAB ( "wanted" [ TAB digest ] / "fetched" TAB digest TAB length TAB holder
//!      / "failed" TAB holder TAB reason / "waits" TAB seconds / "given up" )
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::escape::escaped;
use crate::protocol::{Digest, Document, Endpoint};

/// The attempts that are kept of one document when the journal is written anew.
const KEPT_OF_ONE: usize = 12;
/// Bytes above which it is written anew when it is opened.
const COMPACT_ABOVE: u64 = 4 * 1024 * 1024;

/// What happened to a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// Somebody wants it, perhaps with one digest only.
    Wanted(Option<Digest>),
    /// A holder did not give it, for this reason.
    Failed(Endpoint, String),
    /// It is tried again after so long.
    Waits(Duration),
    /// It was fetched: with this digest, this length, from this holder first of all.
    Fetched(Digest, u64, Endpoint),
    /// It is not tried any more.
    GivenUp,
}

/// Something that happened, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// When.
    pub time: SystemTime,
    /// What.
    pub event: Event,
}

/// The journal of the downloads into one folder.
#[derive(Debug)]
pub struct Journal {
    file: Option<Mutex<File>>,
    entries: Mutex<BTreeMap<Document, Vec<Entry>>>,
    is_alone: bool,
}

impl Journal {
    /// A journal that is forgotten with the program.
    pub fn in_memory() -> Self {
        Self { file: None, entries: Mutex::default(), is_alone: true }
    }

    /// Reads a journal, or begins one.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            text => text?,
        };
        let mut entries: BTreeMap<Document, Vec<Entry>> = BTreeMap::new();
        for (document, entry) in String::from_utf8_lossy(&text).lines().filter_map(parse) {
            entries.entry(document).or_default().push(entry);
        }
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        let is_alone = file.try_lock().is_ok();
        // Another program may be writing it: then it stays as long as it is.
        if text.len() as u64 > COMPACT_ABOVE && is_alone {
            let mut anew = String::new();
            for (document, entries) in &mut entries {
                entries.drain(..entries.len().saturating_sub(KEPT_OF_ONE));
                entries.iter().for_each(|entry| anew += &line(document, entry));
            }
            let temporary = path.with_extension("new");
            fs::write(&temporary, anew)?;
            fs::rename(&temporary, path)?;
            file = OpenOptions::new().append(true).open(path)?;
        } else if text.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n")?;
        }
        // Shared by all who write: only who writes it anew must be alone.
        let _ = file.try_lock_shared();
        Ok(Self { file: Some(Mutex::new(file)), entries: Mutex::new(entries), is_alone })
    }

    /// Remembers what happens now. A journal that cannot be written does not end a download.
    pub fn add(&self, document: &Document, event: Event) {
        self.add_all([(document.clone(), event)].into_iter());
    }

    /// The same of many documents.
    pub fn add_all(&self, events: impl Iterator<Item = (Document, Event)>) {
        let time = SystemTime::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for (document, event) in events {
            let entry = Entry { time, event };
            if self.file.is_some() {
                lines += &line(&document, &entry);
            }
            entries.entry(document).or_default().push(entry);
        }
        drop(entries);
        let Some(file) = &self.file else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(lines.as_bytes()) {
            log::warn!("the journal of downloads is not written: {error}");
        }
    }

    /// What happened to a document, the oldest first.
    pub fn of(&self, document: &Document) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(document).cloned().unwrap_or_default()
    }

    /// Whether no other program had opened it, so that nobody fetches what is unfinished.
    pub fn was_alone(&self) -> bool {
        self.is_alone
    }

    /// The documents that somebody wanted and that were neither fetched nor given up, with the
    /// digest that they must have.
    pub fn unfinished(&self) -> BTreeMap<Document, Option<Digest>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |entries: &[Entry]| {
            let passing = |event: &Event| matches!(event, Event::Failed(..) | Event::Waits(_));
            match entries.iter().rev().find(|entry| !passing(&entry.event))?.event {
                Event::Wanted(digest) => Some(digest),
                _ => None,
            }
        };
        let open =
            entries.iter().filter_map(|(document, one)| Some((document.clone(), wanted(one)?)));
        open.collect()
    }

    /// The digests with which documents were fetched last.
    pub fn fetched(&self) -> BTreeMap<Document, Digest> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = |entries: &[Entry]| {
            entries.iter().rev().find_map(|entry| match &entry.event {
                Event::Fetched(digest, ..) => Some(*digest),
                _ => None,
            })
        };
        let all =
            entries.iter().filter_map(|(document, one)| Some((document.clone(), digest(one)?)));
        all.collect()
    }
}

fn line(document: &Document, entry: &Entry) -> String {
    let seconds = entry.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let event = match &entry.event {
        Event::Wanted(None) => "wanted".to_string(),
        Event::Wanted(Some(digest)) => format!("wanted\t{digest}"),
        // What others have said is escaped: no tab, no line end.
        Event::Failed(holder, reason) => format!("failed\t{holder}\t{}", escaped(reason)),
        Event::Fetched(digest, length, holder) => format!("fetched\t{digest}\t{length}\t{holder}"),
        Event::Waits(pause) => format!("waits\t{}", pause.as_secs()),
        Event::GivenUp => "given up".to_string(),
    };
    format!("{seconds}\t{document}\t{event}\n")
}

fn parse(line: &str) -> Option<(Document, Entry)> {
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
        "failed" => Event::Failed(words.next()?.parse().ok()?, words.next()?.to_string()),
        "fetched" => Event::Fetched(
            words.next()?.parse().ok()?,
            words.next()?.parse().ok()?,
            words.next()?.parse().ok()?,
        ),
        "waits" => Event::Waits(Duration::from_secs(words.next()?.parse().ok()?)),
        "given up" => Event::GivenUp,
        _ => return None,
    };
    Some((document, Entry { time, event }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_read_back_and_half_a_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/journal");
        let holder: Endpoint = "h:1".parse().unwrap();
        let (one, two) =
            (Document::Rfc("1".parse().unwrap()), Document::File("a%20b".parse().unwrap()));
        let events = [
            Event::Wanted(None),
            Event::Failed(holder.clone(), "a\treason\nof two lines".into()),
            Event::Waits(Duration::from_secs(7)),
            Event::Fetched(Digest::new([7; 32]), 42, holder.clone()),
        ];
        let journal = Journal::open(&path).unwrap();
        for event in &events {
            journal.add(&one, event.clone());
        }
        let digest = Digest::new([9; 32]);
        journal.add(&two, Event::Wanted(Some(digest)));
        journal.add(&two, Event::Waits(Duration::from_secs(1)));
        assert_eq!(journal.unfinished(), BTreeMap::from([(two.clone(), Some(digest))]));
        assert!(journal.was_alone());
        assert!(!Journal::open(&path).unwrap().was_alone());
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"123\tRFC 1\tfetc").unwrap();
        drop(file);

        let journal = Journal::open(&path).unwrap();
        let found: Vec<Event> = journal.of(&one).into_iter().map(|entry| entry.event).collect();
        assert_eq!(found[0], events[0]);
        assert_eq!(found[1], Event::Failed(holder, "a\\x09reason\\x0aof two lines".into()));
        assert_eq!(found[2..], events[2..]);
        assert_eq!(journal.unfinished(), BTreeMap::from([(two.clone(), Some(digest))]));
        assert_eq!(journal.fetched(), BTreeMap::from([(one, Digest::new([7; 32]))]));
        journal.add(&two, Event::GivenUp);
        assert!(Journal::open(&path).unwrap().unfinished().is_empty());
    }

    #[test]
    fn a_long_journal_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        fs::write(&path, "1\tRFC 1\twanted\n".repeat(400_000)).unwrap();
        let journal = Journal::open(&path).unwrap();
        let document = Document::Rfc("1".parse().unwrap());
        assert_eq!(journal.of(&document).len(), KEPT_OF_ONE);
        journal.add(&document, Event::GivenUp);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), KEPT_OF_ONE + 1);
    }
}
