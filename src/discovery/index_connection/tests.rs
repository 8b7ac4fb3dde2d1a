//! Whole exchanges over pipes in memory (protocol.md sections 3.2, 4.3 and 4.9).

use std::net::Shutdown;
use std::thread;

use super::*;
use crate::discovery::query::LookupTitle;
use crate::net::{Connection, pipe};
use crate::protocol::Document;

const FOUND: &str = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 One 127.0.0.1 7000\r\n\r\n";

/// A client whose connection is one end of a pipe, and the other end.
fn connected() -> (IndexConnection, Connection) {
    let (here, there) = pipe();
    // Nothing listens there: a second connection fails.
    let index: Endpoint = "127.0.0.1:1".parse().unwrap();
    let link = Link::over(here, &index, "127.0.0.1:7000".parse().unwrap()).unwrap();
    let client = IndexConnection::new(index, None, None, Arc::default());
    let between = Between::of_new(&client.dialect, link.form);
    *lock(&client.open) = Some(Open { link, between, last: Last::None });
    (client, there)
}

/// Looks up RFC 1; returns the number of records, and how the reply ended.
fn look_up(client: &IndexConnection) -> (usize, Result<Completeness, IndexError>) {
    let document = Document::Rfc("1".parse().unwrap());
    let query =
        Query::Lookup { document: &document, title: LookupTitle::Omitted, want_attributes: false };
    let mut records = 0;
    let outcome = client.ask(query, &mut |part, _| {
        records += usize::from(matches!(part, ReplyPart::Record(_)));
        Ok(())
    });
    (records, outcome)
}

/// Reads a request, up to its empty line.
fn read_request(index: &Connection) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.extend(index.read_up_to(1).unwrap());
    }
    String::from_utf8(request).unwrap()
}

#[test]
fn replies_in_pieces_of_any_size_are_read_on_one_connection() {
    for size in [1, 5, 1000] {
        let (client, index) = connected();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..3 {
                    let request = read_request(&index);
                    assert!(request.starts_with("LOOKUP RFC 1 P2P-CI/1.0\r\n"), "{request}");
                    // Empty lines between two replies mean nothing.
                    for piece in [FOUND, "\r\n"].concat().as_bytes().chunks(size) {
                        index.write_all(piece).unwrap();
                    }
                }
            });
            for _ in 0..3 {
                let (records, outcome) = look_up(&client);
                let is_complete = matches!(outcome, Ok(Completeness::Complete));
                assert!(is_complete && records == 1, "{size}: {records}, {outcome:?}");
            }
        });
    }
}

#[test]
fn an_index_that_vanishes_is_an_error_whatever_it_has_sent() {
    for sent in [0, 10, FOUND.len() - 10] {
        let (client, index) = connected();
        let (_, outcome) = thread::scope(|scope| {
            scope.spawn(|| {
                read_request(&index);
                index.write_all(&FOUND.as_bytes()[..sent]).unwrap();
                index.shutdown(Shutdown::Write).unwrap();
            });
            look_up(&client)
        });
        assert!(!matches!(outcome, Ok(Completeness::Complete)), "{sent}: {outcome:?}");
    }
}

#[test]
fn a_request_ends_when_it_is_cancelled() {
    let (client, index) = connected();
    let cancel = Cancel::new();
    client.cancel_with(&cancel);
    let (records, outcome) = thread::scope(|scope| {
        scope.spawn(|| {
            read_request(&index);
            cancel.cancel();
        });
        look_up(&client)
    });
    assert!(records == 0 && outcome.is_err(), "{outcome:?}");
}
