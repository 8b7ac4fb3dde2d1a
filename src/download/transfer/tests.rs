//! Whole transfers over pipes in memory (protocol.md sections 5.2, 5.7 and 7).

use std::net::Shutdown;
use std::thread;

use super::*;
use crate::download::exchange::{HolderConnection, response_on};
use crate::download::model::Source;
use crate::library::Hasher;
use crate::net::{Cancel, Connection, pipe_of};

fn reply(document: &[u8], keep_alive: bool) -> Vec<u8> {
    let length = document.len();
    let keep = if keep_alive { "Connection: keep-alive\r\n" } else { "" };
    let head = format!(
        "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Linux\r\n\
         Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: {length}\r\n\
         Content-Type: text/plain\r\n{keep}\r\n"
    );
    [head.as_bytes(), document].concat()
}

fn document(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect()
}

/// Receives what `holder` sends on its end of a pipe. Returns the last progress, too.
fn receive_from(
    patience: Duration,
    pipeline: &mut Pipeline,
    holder: impl FnOnce(Connection) + Send,
) -> (Result<Transferred, TransferError>, (u64, Option<u64>)) {
    let source: Source = "127.0.0.1:7735".parse::<Endpoint>().unwrap().into();
    let (accounting, directory) = (Accounting::default(), tempfile::tempdir().unwrap());
    let mut partial = PartialFile::begin(&directory.path().join("document")).unwrap();
    let (here, there) = pipe_of(4096);
    let mut last = (0, None);
    let received = thread::scope(|scope| {
        scope.spawn(|| holder(there));
        let connection = HolderConnection::new(&source, Cancel::new().watch(here))?;
        let response = response_on(connection)?;
        let holder = &source.holder;
        let get = Get { holder, digest: None, in_segments: false, patience, preferred_rates: None };
        let mut progress = |received, length| last = (received, length);
        receive(&accounting, &get, response, pipeline, &mut partial, &mut progress)
    });
    let received = received.map(|outcome| match outcome {
        Outcome::Whole(transferred) => transferred,
        Outcome::Large(..) => panic!("no segments were asked for"),
    });
    (received, last)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_document_in_pieces_of_any_size_arrives_whole() {
    for length in [0, 1, 3000, 300_000] {
        let document = document(length);
        for size in [100, 1023, 1 << 20] {
            let (received, progress) = receive_from(LONG, &mut Pipeline::default(), |holder| {
                for piece in reply(&document, false).chunks(size) {
                    holder.write_all(piece).unwrap();
                }
            });
            let received = received.unwrap();
            let mut hasher = Hasher::default();
            hasher.update(&document);
            assert_eq!(received.digest, hasher.finish(), "{length} in {size}");
            assert_eq!((received.length, received.length_checked), (length as u64, true));
            assert_eq!(progress, (length as u64, Some(length as u64)));
        }
    }
}

#[test]
fn a_holder_that_vanishes_leaves_a_truncated_document() {
    for (length, sent) in [(3000, 1000), (300_000, 200_000)] {
        let bytes = reply(&document(length), false);
        let without = bytes.len() - (length - sent);
        let (received, progress) = receive_from(LONG, &mut Pipeline::default(), |holder| {
            holder.write_all(&bytes[..without]).unwrap();
        });
        let error = received.unwrap_err();
        let is_truncated = matches!(error, TransferError::Truncated { expected, found }
            if (expected, found) == (length as u64, sent as u64));
        assert!(is_truncated, "{error:?}");
        assert_eq!(progress.0, sent as u64);
    }
    let (received, _) = receive_from(LONG, &mut Pipeline::default(), |holder| {
        holder.write_all(b"P2P-CI/1.").unwrap();
    });
    assert!(received.is_err());
    let (received, _) = receive_from(LONG, &mut Pipeline::default(), drop);
    assert!(matches!(received, Err(TransferError::NoReply)));
}

#[test]
fn a_refusal_is_the_outcome_also_if_the_holder_closes_after_it() {
    let (received, _) = receive_from(LONG, &mut Pipeline::default(), |holder| {
        holder.write_all(b"P2P-CI/1.0 404 Not Found\r\n\r\n").unwrap();
        holder.shutdown(Shutdown::Write).unwrap();
    });
    assert!(matches!(received, Err(TransferError::Refused(_))), "{received:?}");
}

#[test]
fn a_holder_below_the_minimum_rate_is_too_slow() {
    let (received, _) = receive_from(Duration::from_secs(1), &mut Pipeline::default(), |holder| {
        holder.write_all(&reply(&document(300_000), false)[..1000]).unwrap();
        // Until the transfer ends.
        let _ = holder.read(&mut [0], None);
    });
    assert!(matches!(received, Err(TransferError::TooSlow { .. })), "{received:?}");
}

#[test]
fn surplus_bytes_are_no_part_of_a_document() {
    let (received, _) = receive_from(LONG, &mut Pipeline::keep_alive(), |holder| {
        let bytes = [&reply(&document(3000), true)[..], b"surplus"].concat();
        holder.write_all(&bytes).unwrap();
    });
    assert_eq!(received.unwrap().length, 3000);
}
