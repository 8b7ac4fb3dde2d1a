//! Cases against servers that send anything, or nothing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use super::*;
use crate::check::{index_server, upload_server};

/// A program that sends `start` when it has read something, and then `rest` again and again with
/// this pause.
fn hostile(start: &'static [u8], rest: &'static [u8], pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let mut is_open = stream.write_all(start).is_ok();
                while is_open {
                    is_open = stream.write_all(rest).is_ok();
                    thread::sleep(pause);
                }
            });
        }
    });
    address
}

#[test]
fn a_case_ends_whatever_is_sent() {
    const OK: &[u8] = b"P2P-CI/1.0 200 OK\r\n\r\n";
    const HEAD: &[u8] = b"P2P-CI/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    let (fast, slow) = (Duration::ZERO, Duration::from_millis(300));
    let index = index_server().into_iter().find(|case| case.id == "list-empty").unwrap();
    let upload = upload_server().into_iter().find(|case| case.id == "close-after").unwrap();
    let record: &[u8] = &b"RFC 1 a h 5\r\n".repeat(4_096);
    let attribute: &[u8] = &b"Length: 3\r\n".repeat(4_096);
    let (record, attribute): (&'static [u8], &'static [u8]) =
        (record.to_vec().leak(), attribute.to_vec().leak());
    let programs = [
        (index, None, hostile(b"", b"", slow)),
        (index, None, hostile(b"", b"P", slow)),
        (index, None, hostile(b"", b"\r\n", fast)),
        (index, None, hostile(b"", b"Hello\r\n", slow)),
        (index, None, hostile(OK, b"R", slow)),
        (index, None, hostile(OK, record, fast)),
        (index, None, hostile(b"P2P-CI/1.0 200 OK\r\n\r\nRFC 1 a h 5\r\n", attribute, fast)),
        (upload, Some(793), hostile(HEAD, b"x", slow)),
        (upload, Some(793), hostile(b"P2P-CI/1.0 200 OK\r\n\r\n", record, fast)),
        (upload, Some(793), hostile(b"P2P-CI/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", b"x", slow)),
    ];
    thread::scope(|scope| {
        for (case, shared, address) in programs {
            scope.spawn(move || {
                let outcome = run(case, 0, &Target::reach(&[address], shared).unwrap());
                assert!(outcome.failed.is_some(), "{address}");
                assert!(outcome.time < CASE + Duration::from_secs(2), "{:?}", outcome.time);
            });
        }
    });
}

/// A server that is silent, or closes every connection, keeps no rule by that.
#[test]
fn a_server_that_never_replies_passes_no_case() {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (silent, closing) = (listen(), listen());
    let addresses = [&silent, &closing].map(|listener| listener.local_addr().unwrap());
    thread::spawn(move || closing.incoming().for_each(drop));
    // The others require a status.
    let accepts_nothing = |case: &&Case| match case.test {
        Test::Server(steps) => steps.iter().any(|step| {
            matches!(step, Step::Expect(_, Expected::Nothing | Expected::RefusedOrClosed))
        }),
        Test::Client(_) => false,
    };
    let cases: Vec<_> = index_server().into_iter().filter(accepts_nothing).collect();
    assert!(cases.len() >= 4, "{cases:?}");
    thread::scope(|scope| {
        for address in addresses {
            for case in cases.iter().copied() {
                scope.spawn(move || {
                    let outcome = run(case, 0, &Target::reach(&[address], None).unwrap());
                    assert!(outcome.failed.is_some(), "{address}: {}", case.id);
                });
            }
        }
    });
    drop(silent);
}

/// Some programs do not survive a connection without a request.
#[test]
fn the_connection_that_reaches_a_program_has_the_first_request() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let case = upload_server().into_iter().find(|case| case.id == "get-document").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
            stream.write_all(b"P2P-CI/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx").unwrap();
        });
        let target = Target::reach(&[address], Some(793)).unwrap();
        run(case, 0, &target);
    });
}
