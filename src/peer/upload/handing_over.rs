//! Documents of which there is to be one copy: the first reader of all of one has it from then on
//! (protocol.md section 8.8).
//!
//! A document moves only if all of this is true: the whole document was asked for, its last byte
//! was sent, the reader had not closed its side before, it closed without a reset afterwards, it
//! has acknowledged everything, and the file is still the one that was sent. In doubt it stays.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::escape::escaped_path;
use crate::library::{Entry, OpenDocument};
use crate::limits;
use crate::net::{Stop, read_before};
use crate::protocol::Document;
use crate::system;

/// Time between two looks at what a reader has acknowledged.
const LOOK: Duration = Duration::from_millis(100);

/// Time in which a reader may close first.
const READERS_TURN: Duration = Duration::from_secs(1);

/// Documents that are being handed over.
#[derive(Debug, Default)]
pub(super) struct Lending {
    leases: Mutex<HashMap<Document, Lease>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Lease {
    number: u64,
    /// When its reader has last taken something.
    progress: Instant,
    /// The file is being moved: it is too late for anybody else.
    is_moving: bool,
}

/// A document that is being handed over, until it is dropped.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    lending: &'a Lending,
    document: Document,
    number: u64,
}

impl Lending {
    /// Lends a document to one reader; `None` if another has it, and has taken some of it in the
    /// last 2 s. A reader that has not loses it, and goes on reading what it gets.
    pub(super) fn lend(&self, document: &Document) -> Option<Lent<'_>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut leases = self.lock();
        if let Some(lease) = leases.get(document)
            && (lease.is_moving || lease.progress.elapsed() < limits::HAND_OVER_STALL)
        {
            return None;
        }
        let lease = Lease { number, progress: Instant::now(), is_moving: false };
        leases.insert(document.clone(), lease);
        Some(Lent { lending: self, document: document.clone(), number })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Document, Lease>> {
        // Each change is one insertion, removal or assignment.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent<'_> {
    /// Notes that the reader has taken something.
    pub(super) fn has_progress(&self) {
        self.with(|lease| lease.progress = Instant::now());
    }

    /// Whether it is still lent to this reader; then nobody else gets it any more.
    fn keep_for_moving(&self) -> bool {
        self.with(|lease| lease.is_moving = true)
    }

    fn with(&self, change: impl FnOnce(&mut Lease)) -> bool {
        let mut leases = self.lending.lock();
        let lease = leases.get_mut(&self.document).filter(|lease| lease.number == self.number);
        lease.map(change).is_some()
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut leases = self.lending.lock();
        if leases.get(&self.document).is_some_and(|lease| lease.number == self.number) {
            leases.remove(&self.document);
        }
    }
}

/// Whether the reader has closed its side, before it can have read what is still to be sent.
pub(super) fn has_closed_early(stream: &TcpStream) -> bool {
    let mut chunk = [0; 1024];
    // More than a request was asked for; of that much a reader is not believed anything.
    for _ in 0..64 {
        match system::receive_now(stream, &mut chunk) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
    true
}

/// Moves the file away if the reader has taken all of it; the library notices that when it looks at
/// its folder.
pub(super) fn hand_over(
    lent: &Lent<'_>,
    stream: &TcpStream,
    stop: &Stop,
    (entry, sent, folder): (&Entry, &OpenDocument, &Path),
    reader: SocketAddr,
) {
    let document = &lent.document;
    let moved = was_read(lent, stream, stop).and_then(|()| match lent.keep_for_moving() {
        true => entry.hand_over(sent, folder),
        false => Err(io::Error::other("its reader had stopped, and another one got it")),
    });
    match moved {
        Ok(path) => {
            log::info!("{reader} has {document} now: it was moved to `{}`", escaped_path(&path))
        }
        Err(error) => log::warn!("{document} stays here after {reader} got it: {error}"),
    }
}

/// Waits until the reader has closed without leaving anything unread, which would reset the
/// connection.
///
/// This side does not close first, unless the reader waits for that: after its own end is
/// acknowledged, a reader that has closed one direction may end without a reset although it has
/// read nothing.
fn was_read(lent: &Lent<'_>, mut stream: &TcpStream, stop: &Stop) -> io::Result<()> {
    let mut left = limits::LINGER_BYTES;
    let mut deadline = Instant::now() + limits::HEAD_DEADLINE;
    let mut unacknowledged = u64::MAX;
    let mut has_shut = false;
    let begun = Instant::now();
    let mut chunk = [0; 1024];
    loop {
        match read_before(stream, &mut chunk, Instant::now() + LOOK) {
            Ok(0) => break,
            Ok(count) => left = left.saturating_sub(count),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                // In doubt nothing more was acknowledged.
                let found = match system::unacknowledged(stream) {
                    Ok(found) => found.unwrap_or(0),
                    Err(_) => unacknowledged,
                };
                if found < unacknowledged {
                    lent.has_progress();
                    deadline = Instant::now() + limits::HEAD_DEADLINE;
                } else if found == 0 && !has_shut && begun.elapsed() >= READERS_TURN {
                    // It reads to the end of the connection, perhaps.
                    stream.shutdown(Shutdown::Write)?;
                    has_shut = true;
                }
                unacknowledged = found;
            }
            Err(error) => return Err(error),
        }
        if left == 0 || Instant::now() >= deadline {
            return Err(io::Error::other("the reader did not close the connection"));
        }
    }
    // A reset may follow the end that was just read.
    let end = Instant::now();
    let mut pause = LOOK / 8;
    loop {
        thread::sleep(pause);
        pause = LOOK.min(pause * 2);
        // The system's table may be long: it is not read before it matters.
        let is_due = has_shut || end.elapsed() >= limits::LINGER;
        let unacknowledged = is_due.then(|| system::unacknowledged(stream));
        // After the table: it may have taken a while to find that all is acknowledged.
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match unacknowledged {
            Some(Ok(None | Some(0))) => break,
            Some(Err(error)) if end.elapsed() >= limits::HAND_OVER_STALL => {
                let text = format!("it is not known whether the reader has all of it: {error}");
                return Err(io::Error::other(text));
            }
            Some(Ok(Some(_))) if end.elapsed() >= limits::HAND_OVER_STALL => {
                return Err(io::Error::other("the reader did not acknowledge all of it"));
            }
            None | Some(Ok(Some(_)) | Err(_)) => {}
        }
    }
    // The end of a connection that this side has shut looks the same.
    if stream.read(&mut chunk)? > 0 || stop.is_stopping() {
        return Err(io::Error::other("this program ended before the reader did"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_lent_to_one_reader_that_goes_on() {
        let lending = Lending::default();
        let document = Document::Rfc("1".parse().unwrap());
        let first = lending.lend(&document).unwrap();
        assert!(lending.lend(&document).is_none());
        let now = Instant::now();
        let long_ago = now.checked_sub(limits::HAND_OVER_STALL).unwrap_or(now);
        first.with(|lease| lease.progress = long_ago);
        let second = lending.lend(&document).unwrap();
        assert!(!first.keep_for_moving(), "it has lost the document");
        drop(first);
        assert!(lending.lend(&document).is_none(), "the second has it");
        assert!(second.keep_for_moving());
        second.with(|lease| lease.progress = long_ago);
        assert!(lending.lend(&document).is_none(), "it is being moved");
        drop(second);
        assert!(lending.lock().is_empty());
    }
}
