//! `sync` connects to the addresses that the index has verified, and never to a name that it lists.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::common::holders::{holder_on, index_request, respond};
use crate::common::{directory, names, run_peer};

/// More than one LOOKUP each for a thousand holders.
const DOCUMENTS: usize = 1100;

/// The host of each document: `localhost`, which leads to another holder, and names that lead nowhere.
fn host(number: usize) -> String {
    match number {
        1 => "localhost".into(),
        number => format!("h{number}.invalid"),
    }
}

/// An index that lists a document of each host, whose address it returns if `is_there` says that it
/// still has the record. Returns where it is, and the largest number of LOOKUPs on a connection.
fn index(port: u16, is_there: fn(usize) -> bool) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let lookups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lookups);
    let reply = move |request: &str| {
        let mut reply = String::from("P2P-CI/1.0 200 OK\r\n\r\n");
        let mut words = request.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some("LOOKUP"), _, Some(number)) => {
                counted.fetch_add(1, Ordering::Relaxed);
                let number: usize = number.parse().unwrap();
                if !is_there(number) {
                    return "P2P-CI/1.0 404 Not Found\r\nAttributes: 1\r\n\r\n".into();
                }
                let host = host(number);
                write!(reply, "RFC {number} T {host} {port}\r\nAddress: 127.0.0.2\r\n").unwrap();
            }
            (_, Some("ALL"), _) => {
                for number in 1..=DOCUMENTS {
                    write!(reply, "RFC {number} T {} {port}\r\n", host(number)).unwrap();
                }
            }
            _ => {}
        }
        reply + "\r\n"
    };
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let reply = reply.clone();
            thread::spawn(move || {
                while let Ok(request) = index_request(&mut stream)
                    && stream.write_all(reply(&request).as_bytes()).is_ok()
                {}
            });
        }
    });
    (address, lookups)
}

/// A holder that has every document, and the number of its connections.
fn counting(address: Ipv4Addr, port: u16) -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let at = holder_on(TcpListener::bind((address, port)).unwrap(), move |stream, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        respond(stream, "Content-Length: 4\r\n", b"text")
    });
    (at, connections)
}

#[test]
fn every_listed_name_is_connected_to_at_its_verified_address() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    let (right, connections) = counting(Ipv4Addr::new(127, 0, 0, 2), 0);
    let (_, rebound) = counting(Ipv4Addr::LOCALHOST, right.port());
    let (index, lookups) = index(right.port(), |_| true);
    let arguments = [&*index.to_string(), "--share", ".", "sync"];
    let (code, output, errors) = run_peer(&arguments, "", &mine);
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(names(&mine).len(), DOCUMENTS);
    assert_eq!(connections.load(Ordering::Relaxed), DOCUMENTS);
    assert_eq!(rebound.load(Ordering::Relaxed), 0, "a listed name was resolved");
    // One finds out what the index knows.
    assert_eq!(lookups.load(Ordering::Relaxed), DOCUMENTS + 1);
}

#[test]
fn a_name_whose_record_is_gone_is_not_resolved() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    let (right, _) = counting(Ipv4Addr::new(127, 0, 0, 2), 0);
    let (_, rebound) = counting(Ipv4Addr::LOCALHOST, right.port());
    let (index, _) = index(right.port(), |number| number > 1);
    let arguments = [&*index.to_string(), "--share", ".", "sync"];
    let (code, _, errors) = run_peer(&arguments, "", &mine);
    assert_eq!(code, 66, "{errors}");
    assert!(errors.contains("RFC 1"), "{errors}");
    assert_eq!(names(&mine).len(), DOCUMENTS - 1);
    assert_eq!(rebound.load(Ordering::Relaxed), 0, "a listed name was resolved");
}

/// An index can give one victim any number of names. A few attempts run at the same time before the
/// first one fails, each at most once with and once without extensions.
#[test]
fn many_names_of_one_address_lead_to_a_few_connections() {
    for banner in ["", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let root = tempfile::tempdir().unwrap();
        let mine = directory(root.path(), "mine", &[]);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let victim = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = victim.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in victim.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(banner.as_bytes());
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let index = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut reply = String::from("P2P-CI/1.0 200 OK\r\n\r\n");
                for number in 0..300 {
                    write!(reply, "RFC 7 T h{number}.invalid {port}\r\nAddress: 127.0.0.1\r\n")
                        .unwrap();
                }
                reply += "\r\n";
                while index_request(&mut stream).is_ok()
                    && stream.write_all(reply.as_bytes()).is_ok()
                {}
            }
        });
        let arguments = [&*index.to_string(), "--share", ".", "get", "7"];
        let (code, _, errors) = run_peer(&arguments, "", &mine);
        assert_ne!(code, 0, "{errors}");
        let connections = connections.load(Ordering::Relaxed);
        assert!((1..=32).contains(&connections), "{banner:?}: {connections} connections");
    }
}

/// The name would lead to a holder, but the index has verified nothing.
#[test]
fn an_address_that_verifies_nothing_is_not_replaced_by_the_name() {
    for lines in [
        "Address: garbage\r\n",
        "Address: \r\n",
        "Address: 127.0.0.2\r\nAddress: 127.0.0.1\r\n",
        "Address: 127.0.0.1\r\nAdded: Sun, 06 Nov 1994 08:49:37 GMT\r\nAddress: x\r\n",
    ] {
        let (right, connections) = counting(Ipv4Addr::new(127, 0, 0, 2), 0);
        let (_, named) = counting(Ipv4Addr::LOCALHOST, right.port());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let index = listener.local_addr().unwrap().to_string();
        let record = format!("RFC 5 T localhost {}\r\n", right.port());
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                while let Ok(request) = index_request(&mut stream) {
                    let found = match request {
                        _ if request.starts_with("LOOKUP RFC 5 ") => format!("{record}{lines}"),
                        _ if request.starts_with("LIST ALL") => record.clone(),
                        _ => String::new(),
                    };
                    let reply = format!("P2P-CI/1.0 200 OK\r\n\r\n{found}\r\n");
                    if stream.write_all(reply.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
        let root = tempfile::tempdir().unwrap();
        for command in [&["get", "5"][..], &["sync"], &["lookup", "5", "--probe"]] {
            let arguments = [&[&*index, "--share", "."], command].concat();
            let (code, output, errors) = run_peer(&arguments, "", root.path());
            assert_eq!(code, 69, "{lines:?} {command:?}: {output}{errors}");
            let text = format!("{output}{errors}");
            assert!(text.contains("cannot be read or is not unique"), "{lines:?}: {text}");
        }
        assert!(names(root.path()).is_empty());
        assert_eq!(connections.load(Ordering::Relaxed), 0, "{lines:?}");
        assert_eq!(named.load(Ordering::Relaxed), 0, "{lines:?}: the name was resolved");
    }
}
