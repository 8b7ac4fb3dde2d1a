//! Properties of all roles: cuts do not change the events, and no bytes make a role panic.

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::time::Duration;

use p2p_ci::protocol::IndexReplyDecoder;
use p2p_ci::protocol::role::{
    DocumentClient, DocumentMeaning, DocumentServer, IndexClient, IndexServer, ReplyMeaning,
    RequestMeaning,
};
use proptest::prelude::*;

/// Messages and parts of them, which are joined to valid and invalid streams.
const PARTS: [&str; 14] = [
    "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n",
    "ADD RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: T\r\n\r\n",
    "GET RFC 1 P2P-CI/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n",
    "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\nLength: 5\r\n\r\n",
    "P2P-CI/1.0 404 Not Found\r\nReason: none\r\n\r\n",
    "P2P-CI/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
    "P2P-CI/1.0 206 Partial Content\r\nContent-Range: bytes 1-3/4\r\nContent-Length: 3\r\n\r\nabc",
    "P2P-CI/1.0 200 OK\r\n",
    "RFC 2 T h 1\r\n",
    "Length: 7\r\n",
    "\r\n",
    "\n",
    "x",
    "\r",
];

/// An event: what it means, and how many bytes it took. The last one is `None` if no more can follow.
type Found = Option<(String, usize, bool)>;

/// All events of bytes that arrive in these pieces. Events with the same meaning are joined where a
/// role takes bytes as they arrive.
fn events(
    bytes: &[u8],
    cuts: &[usize],
    mut next: impl FnMut(&[u8]) -> Found,
) -> Vec<(String, usize)> {
    let (mut start, mut all) = (0, Vec::<(String, usize)>::new());
    for end in cuts.iter().copied().chain([bytes.len()]) {
        while let Some((meaning, used, is_last)) = next(&bytes[start..end.max(start)]) {
            assert!(used <= end.max(start) - start);
            start += used;
            match all.last_mut() {
                Some((before, count)) if *before == meaning && used > 0 => *count += used,
                _ => all.push((meaning, used)),
            }
            if is_last {
                return all;
            }
        }
    }
    all
}

fn now() -> Duration {
    Duration::ZERO
}

/// What each of the four roles finds.
fn all_roles(bytes: &[u8], cuts: &[usize]) -> [Vec<(String, usize)>; 4] {
    let mut index_server = IndexServer::new();
    let mut index_client = IndexClient::new(IndexReplyDecoder::default());
    let mut document_server = DocumentServer::new();
    let mut document_client = DocumentClient::new();
    (0..3).for_each(|_| document_client.expect_reply());
    [
        events(bytes, cuts, |input| {
            let event = index_server.next(input, now)?;
            let is_last = matches!(&event.meaning, RequestMeaning::Fault(e) if e.framed.is_none());
            Some((format!("{:?} {}", event.meaning, event.section), event.used, is_last))
        }),
        events(bytes, cuts, |input| {
            let event = index_client.next(input, now)?;
            let is_last = matches!(event.meaning, ReplyMeaning::Fault(_));
            Some((format!("{:?} {}", event.meaning, event.section), event.used, is_last))
        }),
        events(bytes, cuts, |input| {
            let event = document_server.next(input, now)?;
            let is_last = matches!(&event.meaning, RequestMeaning::Fault(e) if e.framed.is_none());
            Some((format!("{:?} {}", event.meaning, event.section), event.used, is_last))
        }),
        events(bytes, cuts, |input| {
            let event = document_client.next(input)?;
            let meaning = match event.meaning {
                DocumentMeaning::Bytes(_) => "bytes of a document".to_string(),
                other => format!("{other:?}"),
            };
            Some((format!("{meaning} {}", event.section), event.used, false))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn cuts_do_not_change_the_events(
        parts in prop::collection::vec(prop::sample::select(PARTS.to_vec()), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let bytes = parts.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = all_roles(&bytes, &[]);
        prop_assert_eq!(&whole, &all_roles(&bytes, &cuts));
        let every: Vec<usize> = (0..bytes.len()).collect();
        prop_assert_eq!(&whole, &all_roles(&bytes, &every));
    }

    #[test]
    fn no_bytes_make_a_role_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = all_roles(&bytes, &[]);
        let mut client = DocumentClient::new();
        client.expect_reply();
        let _ = client.on_end(&bytes);
        let mut client = IndexClient::new(IndexReplyDecoder::default());
        let _ = client.on_end(&bytes, now());
    }
}
