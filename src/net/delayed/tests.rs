//! Lines on pipes.

use super::*;
use crate::net::{Connection, pipe, pipe_of};

const LATENCY: Duration = Duration::from_millis(60);

/// A connection on a line, and the other side of it.
fn on_line(line: Line, (near, far): (Connection, Connection)) -> (Connection, Connection) {
    (near.on_line(line), far)
}

#[test]
fn bytes_arrive_after_the_latency_and_in_order() {
    let (near, far) = on_line(Line::new(LATENCY, None), pipe());
    let begun = Instant::now();
    far.write_all(b"first ").unwrap();
    assert_eq!(near.try_read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let early = near.read(&mut [0; 9], Some(begun + LATENCY / 4));
    assert_eq!(early.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(near.tcp().is_none());
    far.write_all(b"second").unwrap();
    drop(far);
    assert_eq!(near.read_text(), "first second");
    assert!(begun.elapsed() >= LATENCY);
}

/// A delay of each read would take the latency for each 64 KiB.
#[test]
fn a_latency_does_not_lower_the_rate() {
    let (near, far) = on_line(Line::new(LATENCY, None), pipe_of(4096));
    let begun = Instant::now();
    let count = 100 * 4096;
    thread::scope(|scope| {
        scope.spawn(move || far.write_all(&vec![b'a'; count]).unwrap());
        assert_eq!(near.read_up_to(usize::MAX).unwrap().len(), count);
    });
    assert!((LATENCY..LATENCY * 50).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[test]
fn the_connections_of_a_line_share_its_rate() {
    let line = Line::new(Duration::ZERO, Some(1_000_000));
    let pairs = [(); 2].map(|()| on_line(line.clone(), pipe_of(1 << 20)));
    let begun = Instant::now();
    thread::scope(|scope| {
        for (near, _) in &pairs {
            scope.spawn(move || near.write_all(&[b'a'; 100_000]).unwrap());
        }
    });
    // The last piece is sent without waiting for its end.
    assert!(begun.elapsed() >= Duration::from_millis(150), "{:?}", begun.elapsed());
    line.set_rate(None);
    let [(near, _), _] = pairs;
    assert_eq!(near.write(&[b'a'; 100_000]).unwrap(), 100_000);
}

#[test]
fn a_reader_that_is_shut_down_or_dropped_does_not_wait() {
    let (near, far) = on_line(Line::new(Duration::from_secs(600), None), pipe());
    far.write_all(b"late").unwrap();
    let near = Arc::new(near);
    thread::scope(|scope| {
        let reading = Arc::clone(&near);
        let reader = scope.spawn(move || reading.read(&mut [0; 9], None).unwrap());
        near.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
    });
    drop(near);
    // The thread of the line ends, so the other side sees that the connection is closed.
    assert_eq!(far.read(&mut [0; 9], None).unwrap(), 0);
}

#[test]
fn a_reader_that_does_not_read_makes_the_sender_wait() {
    let (near, far) = on_line(Line::new(Duration::from_millis(1), None), pipe());
    far.set_write_timeout(Duration::from_millis(200)).unwrap();
    let mut sent = 0;
    while let Ok(count @ 1..) = far.write(&[b'a'; 65_536]) {
        sent += count;
        assert!(sent <= CAPACITY + 4 * READ, "{sent}");
    }
    assert!(sent >= CAPACITY);
    drop(near);
}
