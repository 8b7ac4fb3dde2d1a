//! Documents of which there is to be one copy: the first reader of all of one has it from then on
//! (protocol.md section 8.8).
//!
//! A document moves only if all of this is true: the whole document was asked for, its last byte
//! was sent, the reader had not closed its side before, it has acknowledged everything and closed the
//! connection afterwards without leaving anything unread, and the file is still the one that was
//! sent. In doubt it stays.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::lending::Lent;
use crate::escape::escaped_path;
use crate::library::{Entry, OpenDocument};
use crate::limits;
use crate::net::{Connection, ReadClock, Stop};

/// Interval at which the bytes are read that a reader has acknowledged.
const LOOK: Duration = Duration::from_millis(100);

/// Time in which a reader may close first, and what is added to it at most: a program that closes one
/// direction after a fixed time must not seem to react to the end of the connection.
const READERS_TURN: Duration = Duration::from_millis(400);
const TURN_VARIES: Duration = Duration::from_millis(1200);

/// Time in which a reader that reads to the end of the connection closes after that end: long enough
/// for a program that waits for it, and a small part of [`TURN_VARIES`].
const REACTION: Duration = Duration::from_millis(25);

/// Time after the byte of [`is_closed_entirely`] in which the reset of a closed connection arrives from
/// a reader that is near. A later one may be the reader's own, which has read nothing.
const RESET_OF_NEAR: Duration = REACTION;

/// Time in which a reset may follow the end of what a reader sends.
const BEFORE_PROBE: Duration = Duration::from_millis(300);

/// Whether the reader has closed its side, before it can have read what is still to be sent.
pub(super) fn has_closed_early(stream: &Connection) -> bool {
    let mut chunk = [0; 1024];
    // More than a request was asked for; of that much a reader is not believed anything.
    for _ in 0..64 {
        match stream.try_read(&mut chunk) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
    true
}

/// Moves the file away if the reader has taken all of it; the library notices that when it scans
/// its directory.
pub(super) fn hand_over(
    lent: &Lent<'_>,
    stream: &Connection,
    stop: &Stop,
    clock: &mut ReadClock,
    (entry, sent, directory): (&Entry, &OpenDocument, &Path),
    reader: SocketAddr,
) {
    let document = lent.document();
    let moved = was_read(lent, stream, stop, clock, sent.length).and_then(|()| {
        match lent.keep_for_moving() {
            true => entry.hand_over(sent, directory),
            false => Err(io::Error::other("its reader had stopped, and another one got it")),
        }
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
/// This side does not close first, unless the reader waits for that. While something is not
/// acknowledged, the reader has to hold the minimum read rate.
fn was_read(
    lent: &Lent<'_>,
    stream: &Connection,
    stop: &Stop,
    clock: &mut ReadClock,
    sent: u64,
) -> io::Result<()> {
    let turn = READERS_TURN + TURN_VARIES.mul_f64(random_fraction());
    let (begun, stall) = (Instant::now(), lent.limits().hand_over_stall);
    // A reader that has already acknowledged everything is near.
    let is_near = matches!(stream.unacknowledged(), Ok(Some(0)));
    let mut unacknowledged = u64::MAX;
    let mut deadline = limits::end_of(begun, lent.limits().hand_over_end);
    loop {
        // In doubt nothing more was acknowledged.
        let found = match stream.unacknowledged() {
            Ok(found) => found.unwrap_or(0),
            Err(_) => unacknowledged,
        };
        lent.has_left(sent, found);
        if found < unacknowledged {
            deadline = limits::ends_after(lent.limits().hand_over_end);
        }
        unacknowledged = found;
        let left = turn.saturating_sub(begun.elapsed());
        let is_turn_over = found == 0 && left.is_zero();
        let wait = if found > 0 { LOOK } else { left.clamp(LOOK / 100, LOOK) };
        let waits_since = Instant::now();
        let is_closed = is_closed_within(stream, wait)?;
        if found > 0 {
            clock.has_waited(stream, waits_since.elapsed())?;
        }
        if is_closed {
            // A reader that has read everything has acknowledged it before it closes.
            if stream.unacknowledged()?.unwrap_or(0) > 0 {
                return Err(io::Error::other(
                    "the reader closed its side before it had everything",
                ));
            }
            is_closed_entirely(stream, is_near, stall)?;
            break;
        }
        if is_turn_over {
            closes_after_the_end(stream, is_near, stall)?;
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
fn is_closed_within(stream: &Connection, time: Duration) -> io::Result<bool> {
    let mut chunk = [0; 1024];
    match stream.read(&mut chunk, Some(Instant::now() + time)) {
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
///
/// The acknowledgement may be delayed, and a reset meanwhile may be the reader's own. So only a reset
/// that is seen shortly after the byte counts: of a near reader it arrives immediately.
fn is_closed_entirely(stream: &Connection, is_near: bool, stall: Duration) -> io::Result<()> {
    let tcp = stream.tcp().ok_or(io::ErrorKind::Unsupported)?;
    thread::sleep(BEFORE_PROBE);
    if let Some(error) = tcp.take_error()? {
        return Err(error);
    }
    let longest = if is_near { RESET_OF_NEAR } else { stall };
    let begun = Instant::now();
    socket2::SockRef::from(tcp).send_out_of_band(&[0])?;
    while begun.elapsed() < stall {
        // In this order: a reset also leaves nothing to acknowledge.
        match tcp.take_error()?.map(|error| error.kind()) {
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                return match begun.elapsed() <= longest {
                    true => Ok(()),
                    false => Err(io::Error::other(
                        "the reader may have reset the connection before it had read everything",
                    )),
                };
            }
            Some(kind) => return Err(kind.into()),
            None if matches!(stream.unacknowledged(), Ok(Some(0))) => break,
            // A sleep may take longer on a busy machine.
            None if begun.elapsed() < RESET_OF_NEAR / 5 => thread::yield_now(),
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
fn closes_after_the_end(stream: &Connection, is_near: bool, stall: Duration) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let begun = Instant::now();
    // When the end was last known not to have arrived.
    let mut on_its_way = begun;
    loop {
        // This thread may have had to wait for a processor.
        if is_closed_within(stream, REACTION / 5)? && on_its_way.elapsed() < REACTION * 2 {
            let error = stream.tcp().map_or(Ok(None), TcpStream::take_error)?;
            return error.map_or(Ok(()), Err);
        }
        if !is_near && matches!(stream.unacknowledged(), Ok(Some(1..))) {
            on_its_way = Instant::now();
        }
        if on_its_way.elapsed() >= REACTION || begun.elapsed() >= stall {
            let text = "the reader did not close the connection immediately after its end";
            return Err(io::Error::other(text));
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::lending::Lending;
    use super::*;

    const STALL: Duration = limits::Uploads::DEFAULT.hand_over_stall;
    use crate::net::pipe_of;
    use crate::protocol::Document;

    /// The outcome for a client that has closed its sending direction.
    #[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    fn outcome(reads: bool, closes_after: Duration) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let sender = Connection::connected(listener.accept().unwrap().0);
        assert_eq!(sender.write(&[7; 3000]).unwrap(), 3000);
        if reads {
            reader.read_exact(&mut [0; 3000]).unwrap();
        }
        reader.shutdown(Shutdown::Write).unwrap();
        assert_eq!(sender.read(&mut [0], None).unwrap(), 0);
        thread::scope(|scope| {
            let is_closed = scope.spawn(|| is_closed_entirely(&sender, true, STALL));
            // The time is what is tested: a reader that ends by itself, whatever the sender does.
            thread::sleep(closes_after);
            drop(reader);
            is_closed.join().unwrap()
        })
    }

    #[test]
    fn a_reset_of_the_readers_own_is_no_end_of_reading() {
        outcome(true, Duration::ZERO).unwrap();
        for step in 0..12 {
            let after = BEFORE_PROBE + Duration::from_millis(30 + 10 * step);
            outcome(false, after).unwrap_err();
        }
    }

    /// A reader must not keep this thread by acknowledging few bytes at long intervals.
    #[test]
    fn the_minimum_rate_holds_until_all_is_acknowledged() {
        let (sender, reader) = pipe_of(1 << 20);
        while sender.try_write(&[0; 64 * 1024]).unwrap() > 0 {}
        let mut clock = ReadClock::default();
        // It has been slow for most of the time that it has.
        let nearly = limits::ReadRate::DEFAULT.time.saturating_sub(Duration::from_secs(1));
        clock.has_waited(&sender, nearly).unwrap();
        let lending = Lending::default();
        let lent = lending.lend(&Document::Rfc("1".parse().unwrap())).unwrap();
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    assert_eq!(reader.read(&mut [0; 100], None).unwrap(), 100);
                    thread::sleep(LOOK * 2);
                }
            });
            let ended = was_read(&lent, &sender, &Stop::new(), &mut clock, 1 << 20);
            is_done.store(true, Ordering::Relaxed);
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
    }
}
