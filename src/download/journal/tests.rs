//! Several processes, long journals, and what else may be at the path.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use super::*;
use crate::limits;
use crate::protocol::Endpoint;

#[test]
fn events_are_read_back_and_half_a_line_is_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/journal");
    let holder: Endpoint = "h:1".parse().unwrap();
    let (one, two) =
        (Document::Rfc("1".parse().unwrap()), Document::File("a%20b".parse().unwrap()));
    let events = [
        Event::Wanted(None),
        Event::Found("1 holder from a source".into()),
        Event::Failed(holder.clone(), "a\treason\nof two lines".into()),
        Event::Waits(Duration::from_secs(7)),
        Event::NotFetched("no peer has it".into()),
        Event::Fetched(Digest::new([7; 32]), 42, holder.clone()),
        Event::Present,
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
    assert_eq!(found[..2], events[..2]);
    assert_eq!(found[2], Event::Failed(holder, "a\\x09reason\\x0aof two lines".into()));
    assert_eq!(found[3..], events[3..]);
    assert_eq!(journal.unfinished(), BTreeMap::from([(two.clone(), Some(digest))]));
    assert_eq!(journal.fetched(), BTreeMap::from([(one, Digest::new([7; 32]))]));
    journal.add(&two, Event::GivenUp);
    assert!(Journal::open(&path).unwrap().unfinished().is_empty());
}

/// Each wait for the disk is also one for the documents that are being written to it.
#[test]
fn many_events_in_a_moment_wait_for_the_disk_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = JournalFile::open(&directory.path().join("journal")).unwrap();
    let document = Document::Rfc("1".parse().unwrap());
    let add = |file: &mut JournalFile| {
        let entry = Entry { time: SystemTime::now(), event: Event::Wanted(None) };
        file.append(&mut [(document.clone(), entry)].into_iter());
    };
    add(&mut file);
    assert!(!file.is_dirty(), "the first one is on the disk");
    for _ in 0..100 {
        add(&mut file);
    }
    assert!(file.is_dirty(), "the others are not waited for");
    file.sync_if_due();
    assert!(file.is_dirty());
    file.set_due();
    file.sync_if_due();
    assert!(!file.is_dirty());
    add(&mut file);
    file.sync();
    assert!(!file.is_dirty());
}

#[test]
fn a_long_journal_is_compacted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    fs::write(&path, "1\tRFC 1\twanted\n".repeat(400_000)).unwrap();
    let journal = Journal::open(&path).unwrap();
    let document = Document::Rfc("1".parse().unwrap());
    assert_eq!(journal.of(&document).len(), limits::JOURNAL_ENTRIES);
    journal.add(&document, Event::GivenUp);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), limits::JOURNAL_ENTRIES + 1);
}

#[test]
fn a_wanted_document_is_not_forgotten_after_many_failures() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let document = Document::Rfc("1".parse().unwrap());
    let holder: Endpoint = "h:1".parse().unwrap();
    let digest = Digest::new([9; 32]);
    let journal = Journal::open(&path).unwrap();
    let in_memory = Journal::in_memory();
    for journal in [&journal, &in_memory] {
        journal.add(&document, Event::Fetched(digest, 1, holder.clone()));
        journal.add(&document, Event::Wanted(Some(digest)));
        let failed = Event::Failed(holder.clone(), "x".repeat(10_000));
        journal.add_all((0..1000).map(|_| (document.clone(), failed.clone())));
        assert_eq!(journal.unfinished(), BTreeMap::from([(document.clone(), Some(digest))]));
        assert_eq!(journal.fetched(), BTreeMap::from([(document.clone(), digest)]));
        let found = journal.of(&document).len();
        assert!((3..=2 * limits::JOURNAL_ENTRIES + 2).contains(&found), "{found}");
    }
}

/// Each handle has files of its own, as a process has.
#[test]
fn three_writers_lose_nothing_while_the_journal_is_compacted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let holder: Endpoint = "h:1".parse().unwrap();
    let reason = "r".repeat(300);
    let number = |writer: u32, at: u32| {
        Document::Rfc((1 + writer * 100_000 + at).to_string().parse().unwrap())
    };
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (path, holder, reason) = (&path, &holder, &reason);
            scope.spawn(move || {
                let journal = Journal::open(path).unwrap();
                for at in 0..200 {
                    journal.add(&number(writer, at), Event::Wanted(None));
                    let failed = Event::Failed(holder.clone(), reason.clone());
                    // All of them make the file large enough to be compacted several times.
                    let noise = (0..60).map(|_| (number(writer, at / 50 * 50), failed.clone()));
                    journal.add_all(noise);
                }
            });
        }
    });
    let journal = Journal::open(&path).unwrap();
    assert!(journal.was_alone());
    assert_eq!(journal.unfinished().len(), 3 * 200);
    let length = fs::metadata(&path).unwrap().len();
    assert!(length < 2 * limits::JOURNAL_COMPACT_ABOVE, "{length}");
    assert!(!path.with_extension("new").exists());
}

#[test]
fn many_documents_are_bounded() {
    let document = |at: u32| Document::Rfc((1 + at).to_string().parse().unwrap());
    let mut entries = Entries::default();
    for at in 0..10_000 {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(at));
        entries.add(document(at), Entry { time, event: Event::Wanted(None) });
        if at % 2 == 1 {
            entries.add(document(at), Entry { time, event: Event::GivenUp });
        }
    }
    // Completed downloads are dropped first, the oldest before the others.
    entries.fit(150_000);
    assert!(entries.text().len() <= 150_000);
    assert_eq!(entries.unfinished().len(), 5_000);
    assert!(entries.of(&document(1)).is_empty() && !entries.of(&document(9_999)).is_empty());
    entries.fit(20_000);
    let left = entries.unfinished();
    assert!(left.len() > 500 && left.contains_key(&document(9_998)), "{}", left.len());
    assert!(!left.contains_key(&document(0)));
}

#[cfg(unix)]
#[test]
fn a_fifo_or_a_link_at_the_path_is_an_error_and_blocks_nothing() {
    use std::os::unix::fs::symlink;

    let directory = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let (fifo, link) = (directory.path().join("fifo"), directory.path().join("link"));
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    symlink(directory.path().join("elsewhere"), &link).unwrap();
    for path in [&fifo, &link] {
        assert!(Journal::open(path).is_err(), "{}", path.display());
    }
    assert!(!directory.path().join("elsewhere").exists());
    // In the place of the files that belong to it, too.
    let path = directory.path().join("journal");
    fs::rename(&fifo, path.with_extension("new")).unwrap();
    symlink(directory.path().join("elsewhere"), path.with_extension("lock")).unwrap();
    fs::write(&path, "1\tRFC 1\twanted\n".repeat(400_000)).unwrap();
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.unfinished().len(), 1);
    assert!(fs::metadata(&path).unwrap().len() < 1000);
    assert!(!directory.path().join("elsewhere").exists());
    assert!(begun.elapsed() < Duration::from_secs(60));
}
