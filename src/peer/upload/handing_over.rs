//! Documents of which there is to be one copy: the first reader of all of one has it from then on
//! (protocol.md section 8.8).
//!
//! A document moves only if all of this is true: the whole document was asked for, its last byte
//! was sent, the reader had not closed its side before, it has acknowledged everything and closed the
//! connection afterwards without leaving anything unread, and the file is still the one that was
//! sent. In doubt it stays.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
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

/// Time in which a reader may close first, and what is added to it at most: a program that closes one
/// direction after a fixed time must not seem to react to the end of the connection.
const READERS_TURN: Duration = Duration::from_millis(400);
const TURN_VARIES: Duration = Duration::from_millis(1200);

/// Time in which a reader that reads to the end of the connection closes after that end: long enough
/// for a program that waits for it, and a small part of [`TURN_VARIES`].
const REACTION: Duration = Duration::from_millis(25);

/// Time in which a reset may follow the end of what a reader sends.
const BEFORE_PROBE: Duration = Duration::from_millis(300);

/// Bytes that a reader must take in [`limits::HAND_OVER_STALL`]: more than its system takes for a
/// program that reads nothing, beyond what it takes immediately.
const STEP: u64 = 16 * 1024;

/// Age of the last progress from which on another reader may get a document. The progress may have
/// been noticed late.
const STALL: Duration = limits::HAND_OVER_STALL.saturating_sub(limits::HAND_OVER_CHECK);

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
    /// Bytes that were acknowledged when the reader last made progress.
    acknowledged: Cell<u64>,
    /// When that was checked.
    checked: Cell<Instant>,
}

impl Lending {
    /// Lends a document to one reader; `None` if another has it, and has taken some of it in the
    /// last 2 s. A reader that has not loses it, and goes on reading what it gets.
    pub(super) fn lend(&self, document: &Document) -> Option<Lent<'_>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut leases = self.lock();
        if let Some(lease) = leases.get(document)
            && (lease.is_moving || lease.progress.elapsed() < STALL)
        {
            return None;
        }
        let now = Instant::now();
        leases.insert(document.clone(), Lease { number, progress: now, is_moving: false });
        let (document, acknowledged, checked) = (document.clone(), Cell::new(0), Cell::new(now));
        Some(Lent { lending: self, document, number, acknowledged, checked })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Document, Lease>> {
        // Each change is one insertion, removal or assignment.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent<'_> {
    /// Checks how much of the `sent` bytes the reader's system has acknowledged, unless that was
    /// checked a moment ago. What only fills this system's buffer is no progress.
    pub(super) fn check_progress(&self, stream: &TcpStream, sent: u64) {
        if self.checked.get().elapsed() < limits::HAND_OVER_CHECK / 2 {
            return;
        }
        self.checked.set(Instant::now());
        if let Ok(unacknowledged) = system::unacknowledged(stream) {
            self.has_left(sent, unacknowledged.unwrap_or(0));
        }
    }

    /// A reader that has acknowledged everything so far waits for this side's rate limit.
    fn has_left(&self, sent: u64, unacknowledged: u64) {
        let acknowledged = sent.saturating_sub(unacknowledged);
        let step = if unacknowledged == 0 { 1 } else { STEP };
        if acknowledged >= self.acknowledged.get().saturating_add(step) {
            self.acknowledged.set(acknowledged);
            self.with(|lease| lease.progress = Instant::now());
        }
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
    let moved =
        was_read(lent, stream, stop, sent.length).and_then(|()| match lent.keep_for_moving() {
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

/// Waits until the reader has closed the connection, and so has read everything: a close that leaves
/// something unread resets the connection instead.
///
/// This side does not close first, unless the reader waits for that.
fn was_read(lent: &Lent<'_>, stream: &TcpStream, stop: &Stop, sent: u64) -> io::Result<()> {
    let turn = READERS_TURN + TURN_VARIES.mul_f64(random_fraction());
    let begun = Instant::now();
    // A reader that has already acknowledged everything is near.
    let is_near = matches!(system::unacknowledged(stream), Ok(Some(0)));
    let mut unacknowledged = u64::MAX;
    let mut deadline = begun + limits::HEAD_DEADLINE;
    loop {
        // In doubt nothing more was acknowledged.
        let found = match system::unacknowledged(stream) {
            Ok(found) => found.unwrap_or(0),
            Err(_) => unacknowledged,
        };
        lent.has_left(sent, found);
        if found < unacknowledged {
            deadline = Instant::now() + limits::HEAD_DEADLINE;
        }
        unacknowledged = found;
        let left = turn.saturating_sub(begun.elapsed());
        let is_turn_over = found == 0 && left.is_zero();
        // Each look reads a table of the system.
        let wait = if found > 0 { LOOK } else { left.clamp(LOOK / 100, LOOK) };
        if is_closed_within(stream, wait)? {
            // A reader that has read everything has acknowledged it before it closes.
            if system::unacknowledged(stream)?.unwrap_or(0) > 0 {
                let text = "the reader closed its side before it had everything";
                return Err(io::Error::other(text));
            }
            is_closed_entirely(stream)?;
            break;
        }
        if is_turn_over {
            closes_after_the_end(stream, is_near)?;
            break;
        }
        if Instant::now() >= deadline {
            return Err(io::Error::other("the reader did not acknowledge all of it"));
        }
    }
    // The end of a connection that this side has shut looks the same.
    match stop.is_stopping() {
        true => Err(io::Error::other("this program ended before the reader did")),
        false => Ok(()),
    }
}

/// Between 0 and 1.
fn random_fraction() -> f64 {
    let random = u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0);
    f64::from(random) / f64::from(u32::MAX)
}

/// Whether the reader closes its side in this time.
fn is_closed_within(stream: &TcpStream, time: Duration) -> io::Result<bool> {
    let mut chunk = [0; 1024];
    match read_before(stream, &mut chunk, Instant::now() + time) {
        Ok(0) => Ok(true),
        Ok(_) => Err(io::Error::other("the reader sent something else")),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(false),
        Err(error) => Err(error),
    }
}

/// Fails if the reader that has closed its side has only closed that, or is unknown to have closed
/// the other one: it may have read nothing, and reset the connection later.
///
/// The system of a program that has closed a connection refuses further bytes by a reset, while that
/// of one that still reads acknowledges them. The byte that is sent for this is urgent: a program
/// that still reads does not find it among the others.
fn is_closed_entirely(stream: &TcpStream) -> io::Result<()> {
    thread::sleep(BEFORE_PROBE);
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    socket2::SockRef::from(stream).send_out_of_band(&[0])?;
    let begun = Instant::now();
    while begun.elapsed() < limits::HAND_OVER_STALL {
        // In this order: a reset also leaves nothing to acknowledge.
        match stream.take_error()?.map(|error| error.kind()) {
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => return Ok(()),
            Some(kind) => return Err(kind.into()),
            None if matches!(system::unacknowledged(stream), Ok(Some(0))) => break,
            None => thread::sleep(LOOK / 100),
        }
    }
    Err(io::Error::other("the reader closed one direction only, and may have read nothing"))
}

/// Ends the connection for a reader that reads up to its end, and fails unless the reader closes it
/// in reply: after the end of both sides nothing shows whether the reader has closed both of its
/// directions, or has closed one and read nothing.
///
/// The end takes its time to a reader that is not near. Its acknowledgement shows when it has arrived,
/// and may itself be delayed.
fn closes_after_the_end(stream: &TcpStream, is_near: bool) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let begun = Instant::now();
    // When the end was last known not to have arrived.
    let mut on_its_way = begun;
    loop {
        // This thread may have had to wait for a processor.
        if is_closed_within(stream, REACTION / 5)? && on_its_way.elapsed() < REACTION * 2 {
            return stream.take_error()?.map_or(Ok(()), Err);
        }
        if !is_near && matches!(system::unacknowledged(stream), Ok(Some(1..))) {
            on_its_way = Instant::now();
        }
        if on_its_way.elapsed() >= REACTION || begun.elapsed() >= limits::HAND_OVER_STALL {
            let text = "the reader did not close the connection immediately after its end";
            return Err(io::Error::other(text));
        }
    }
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

    #[test]
    fn a_trickle_is_no_progress() {
        let lending = Lending::default();
        let document = Document::Rfc("1".parse().unwrap());
        let lent = lending.lend(&document).unwrap();
        let now = Instant::now();
        let long_ago = now.checked_sub(limits::HAND_OVER_STALL).unwrap_or(now);
        lent.with(|lease| lease.progress = long_ago);
        (0..STEP / 1024).for_each(|step| lent.has_left(1 << 20, (1 << 20) - step * 1024));
        assert_eq!(lending.lock()[&document].progress, long_ago);
        lent.has_left(1 << 20, (1 << 20) - STEP);
        assert!(lending.lock()[&document].progress > long_ago);
    }
}
