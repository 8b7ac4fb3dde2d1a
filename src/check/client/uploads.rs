//! The upload server of the program under test, at the port of its ADD.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::requests::{LOOK, Requests};
use super::verdicts::Finding;
use crate::check::case::Case;
use crate::check::run::{self, Outcome, Target};
use crate::check::symptom::Symptom;
use crate::system;

/// Time to connect, and to read a reply.
const TIME: Duration = Duration::from_secs(1);
/// Bytes of a reply that are read.
const READ: usize = 1024 * 1024;

/// Whether the upload server accepts connections. It is sent a request, because some programs do not survive
/// a connection without one.
pub(super) fn connect(address: SocketAddr, rfc: u64) -> Option<Finding> {
    let deadline = Instant::now() + TIME;
    let Ok(mut stream) = system::connect(&address, TIME) else {
        let expected = format!("(a connection to {address})");
        return Some(Finding::new(Symptom::NotConnected, expected));
    };
    let request =
        format!("GET RFC {rfc} P2P-CI/1.0\r\nHost: {}\r\nOS: Check 1.0\r\n\r\n", address.ip());
    let _ =
        stream.set_write_timeout(Some(TIME)).and_then(|()| stream.write_all(request.as_bytes()));
    let (mut buffer, mut read) = ([0; 4096], 0_usize);
    while read < READ {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            break;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => read = read.saturating_add(count),
        }
    }
    None
}

/// Runs a case for an upload server, while the requests of the program to the index are answered. `place` is its
/// place among all cases.
pub(super) fn run(
    requests: &mut Requests,
    rfc: u64,
    case: &'static Case,
    place: usize,
) -> Option<Outcome> {
    // Without a port it fails.
    let nowhere = SocketAddr::new(requests.index.host(), 1);
    let known = requests.index.upload_server();
    let address = known.unwrap_or(nowhere);
    let target = Target::at(address, requests.index.host(), rfc);
    thread::scope(|scope| {
        let running = scope.spawn(|| run::run(case, place, &target));
        while !running.is_finished() {
            requests.serve(LOOK);
        }
        let mut outcome = running.join().ok()?;
        if known.is_none()
            && let Some(failed) = &mut outcome.failed
        {
            failed.expected =
                "(a connection to the port in its ADD, of which none was received)".into();
        }
        Some(outcome)
    })
}
