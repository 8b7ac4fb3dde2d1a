//! The clock of a reader (protocol.md section 7).

use super::*;
use crate::net::{pipe, pipe_of};

/// Seconds until a reader is found too slow that acknowledges `step` bytes each `every` seconds.
fn found_after(first: u64, step: u64, every: u64) -> Option<u64> {
    let mut clock = ReadClock::default();
    let mut acknowledged = first;
    (1..3600).find(|second| {
        clock.waited += Duration::from_secs(1);
        if second % every == 0 {
            acknowledged += step;
        }
        let is_checked = clock.waited >= limits::READ_CHECK || clock.is_too_slow();
        let is_late = is_checked && clock.check(acknowledged);
        is_late || clock.is_too_slow()
    })
}

#[test]
fn a_reader_below_the_minimum_rate_is_found() {
    // Nothing is read, or what the system's own buffer takes.
    assert_eq!(found_after(0, 0, 1), Some(61));
    assert_eq!(found_after(64 * 1024, 0, 1), Some(71));
    assert_eq!(found_after(256 * 1024, 0, 1), Some(131));
    // Bytes that were read before do not count for ever.
    assert!(found_after(1 << 30, 0, 1).is_some_and(|after| after <= 195));
    // 44 KiB in a minute, in small and in large steps.
    assert!(found_after(0, 751, 1).is_some_and(|after| after <= 120));
    assert!(found_after(128 * 1024, 65_483, 87).is_some_and(|after| after <= 300));
    // In steps of a larger buffer, and a little below the rate.
    assert!(found_after(1 << 20, 65_483, 87).is_some_and(|after| after <= 300));
    assert!(found_after(2 << 20, 128 << 10, 175).is_some_and(|after| after <= 360));
    assert!(found_after(256 * 1024, 65_483, 70).is_some_and(|after| after <= 400));
}

/// Each acknowledgement tells what was read until then.
#[test]
fn a_reader_is_late_only_if_it_stays_behind() {
    let mut clock = ReadClock::default();
    let mut after = |seconds, acknowledged| {
        clock.waited = Duration::from_secs(seconds);
        clock.check(acknowledged)
    };
    // It pauses, reads on slowly, and catches up within a minute.
    assert!(!after(50, 10_000));
    assert!(!after(20, 60_000));
    assert!(!after(30, 140_000));
    // It pauses again, and does not catch up.
    assert!(!after(50, 145_000));
    assert!(!after(30, 175_000));
    assert!(!after(20, 175_000));
    assert!(after(20, 210_000));
}

#[test]
fn a_reader_that_holds_the_minimum_rate_is_never_found() {
    assert_eq!(found_after(0, 1100, 1), None);
    // On loopback a segment has 64 KiB, and nothing smaller is acknowledged.
    assert_eq!(found_after(65_483, 65_483, 59), None);
    assert_eq!(found_after(131_000, 131_000, 119), None);
    // It pauses after it has read steadily.
    let mut clock = ReadClock::default();
    let second = Duration::from_secs(1);
    for at in 1..1000 {
        clock.waited += second;
        let is_checked = clock.waited >= limits::READ_CHECK || clock.is_too_slow();
        let acknowledged = at / 100 * 110_000 + (at % 100).min(55) * 2000;
        let has_failed = is_checked && clock.check(acknowledged);
        assert!(!has_failed && !clock.is_too_slow(), "{at}");
    }
    // A sixteenth of a large buffer.
    assert_eq!(found_after(2 << 20, 128 << 10, 110), None);
}

#[cfg(target_os = "linux")]
#[test]
fn what_only_fills_the_buffers_is_not_read() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _reader = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let sender = Connection::connected(listener.accept().unwrap().0);
    let mut sent = 0;
    while let count @ 1.. = sender.try_write(&[0; 64 * 1024]).unwrap() {
        sent += count as u64;
    }
    let mut clock = ReadClock::default();
    clock.count(&sender, sent, ReadRate::DEFAULT.time).unwrap();
    assert!(clock.acknowledged < sent, "{} of {sent}", clock.acknowledged);
    assert!(clock.count(&sender, 0, ReadRate::DEFAULT.time * 4).is_err());
}

#[test]
fn what_an_earlier_reply_has_left_in_the_buffer_counts_as_sent() {
    let (sender, reader) = pipe_of(1 << 20);
    while sender.try_write(&[0; 64 * 1024]).unwrap() > 0 {}
    let mut clock = ReadClock::default();
    clock.count(&sender, 0, limits::SEND_CHECK).unwrap();
    let queued = clock.queued;
    assert!(queued > ReadRate::DEFAULT.bytes, "{queued}");
    // A reader that reads on holds the rate, although none of the reply was acknowledged.
    let mut read = vec![0; 64 * 1024];
    while sender.unacknowledged().unwrap().unwrap() > queued / 2 {
        let _ = reader.read(&mut read, None).unwrap();
    }
    clock.count(&sender, 0, ReadRate::DEFAULT.time).unwrap();
    assert!(clock.acknowledged >= queued / 2, "{} of {queued}", clock.acknowledged);
}

/// An upload server writes several replies to a connection. A reader whose system has a large
/// buffer acknowledges much at a time.
#[test]
fn replies_of_one_connection_share_a_clock() {
    let (sender, reader) = pipe();
    let mut clock = ReadClock::default();
    let bytes = vec![7; 16 * 1024];
    let mut read = vec![0; bytes.len()];
    for _ in 0..128 {
        clock.send(&sender, &bytes).unwrap();
        assert_eq!(reader.read(&mut read, None).unwrap(), bytes.len());
    }
    // The reader has taken 2 MiB, so 65 KiB more may be hidden in its system.
    clock.count(&sender, 0, limits::READ_CHECK).unwrap();
    clock.count(&sender, 0, ReadRate::DEFAULT.time).unwrap();
    assert!(clock.count(&sender, 0, ReadRate::DEFAULT.time * 2).is_err());
}

/// With a low rate limit the sender never waits for its reader until this system's buffer is full.
#[test]
fn a_pause_is_the_readers_time_only_if_it_acknowledges_nothing() {
    let (sender, reader) = pipe_of(2 << 20);
    let mut clock = ReadClock::default();
    let mut read = [0; 1000];
    for _ in 0..100 {
        clock.send(&sender, &[7; 1000]).unwrap();
        assert_eq!(reader.read(&mut read, None).unwrap(), 1000);
        clock.has_paused(&sender, limits::READ_CHECK).unwrap();
    }
    assert!(!clock.is_slow);
    // From here on it reads nothing.
    while sender.unacknowledged().unwrap() <= Some(1 << 20) {
        clock.send(&sender, &[7; 64 * 1024]).unwrap();
    }
    let mut pauses = 0;
    while clock.has_paused(&sender, limits::READ_CHECK).is_ok() {
        pauses += 1;
        assert!(pauses < 30, "it is never found");
    }
    assert!(pauses >= 5, "{pauses}");
}

/// Linux ends the connection of a reader that keeps its window small for the time that data may
/// stay unacknowledged, although it acknowledges what it gets.
#[cfg(target_os = "linux")]
#[test]
fn a_slow_reader_is_judged_by_the_clock_alone() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut reader = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (sender, _) = listener.accept().unwrap();
    crate::net::set_options(&sender).unwrap();
    let sender = Connection::connected(sender);
    let bound = || socket2::SockRef::from(sender.tcp().unwrap()).tcp_user_timeout().unwrap();
    assert!(bound().is_some());
    let bytes = vec![7; 32 * 1024 * 1024];
    thread::scope(|scope| {
        let sent = scope.spawn(|| ReadClock::default().send(&sender, &bytes));
        let deadline = Instant::now() + Duration::from_secs(30);
        while bound().is_some_and(|time| !time.is_zero()) {
            assert!(Instant::now() < deadline, "it is bounded still");
            thread::yield_now();
        }
        let mut read = vec![0; bytes.len()];
        io::Read::read_exact(&mut reader, &mut read).unwrap();
        sent.join().unwrap().unwrap();
    });
}

/// A system continues to send what is in its buffer after a normal close, at the rate of the reader.
#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_was_too_slow_gets_nothing_after_the_close() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let reader = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let sender = Connection::connected(listener.accept().unwrap().0);
    sender.set_write_timeout(Duration::from_millis(50)).unwrap();
    let rate = ReadRate { bytes: 64 * 1024, time: Duration::from_millis(50) };
    let mut clock = ReadClock::new(rate);
    let error = clock.send(&sender, &vec![7; 64 * 1024 * 1024]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(clock.queued > 0);
    drop(sender);
    let mut received = 0;
    let end = loop {
        match io::Read::read(&mut (&reader), &mut [0; 4096]) {
            Ok(0) => break None,
            Ok(count) => received += count as u64,
            Err(error) => break Some(error.kind()),
        }
    };
    assert_eq!(end, Some(io::ErrorKind::ConnectionReset));
    assert!(received < clock.sent, "{received} of {}", clock.sent);
}
