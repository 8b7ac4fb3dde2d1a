//! Replies of an upload server: however they are cut, the same heads, documents and ends.

#![no_main]

use libfuzzer_sys::fuzz_target;
use p2p_ci::protocol::role::{DocumentClient, DocumentMeaning};
use p2p_ci::protocol::{DocumentReply, DocumentReplyDecoder};

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(whole, read(bytes, usize::from(step).max(1)));
    assert_eq!(events(bytes, bytes.len().max(1)), events(bytes, usize::from(step).max(1)));
    if let Ok((reply, used)) = whole {
        assert!(used <= bytes.len());
        let mut written = Vec::new();
        reply.encode(&mut written);
        let again = DocumentReplyDecoder::default().finish(&written);
        // Behind a refusal nothing is read: its empty line may be missing.
        let expected = match reply {
            DocumentReply::Found(_) => written.len(),
            DocumentReply::Refused(_) => again.as_ref().map_or(0, |(_, used)| *used),
        };
        assert_eq!(again, Ok((reply, expected)));
    }
});

fn read(bytes: &[u8], step: usize) -> Result<(DocumentReply, usize), String> {
    let mut decoder = DocumentReplyDecoder::default();
    let mut end = 0;
    while end < bytes.len() {
        end = (end + step).min(bytes.len());
        if let Some(found) = decoder.decode(&bytes[..end]).map_err(|error| error.to_string())? {
            return Ok(found);
        }
    }
    decoder.finish(bytes).map_err(|error| error.to_string())
}

/// What a client finds that has sent two requests, up to the end of the connection. Bytes of a document
/// may be taken in several events.
fn events(bytes: &[u8], step: usize) -> Vec<(DocumentMeaning, usize)> {
    let mut role = DocumentClient::new();
    (0..2).for_each(|_| role.expect_reply());
    let (mut start, mut end, mut found) = (0, 0, Vec::new());
    loop {
        let event = match role.next(&bytes[start..end]) {
            Some(event) => event,
            None if end < bytes.len() => {
                end = (end + step).min(bytes.len());
                continue;
            }
            None => role.on_end(&bytes[start..end]),
        };
        start += event.used;
        assert!(start <= end && role.awaited() <= 2);
        let is_last = match &event.meaning {
            DocumentMeaning::Head(_)
            | DocumentMeaning::Bytes(_)
            | DocumentMeaning::End(_)
            | DocumentMeaning::Surplus => false,
            _ => true,
        };
        match (&event.meaning, found.last_mut()) {
            (DocumentMeaning::Bytes(place), Some((DocumentMeaning::Bytes(first), count))) => {
                assert_eq!(*place, *first + *count as u64);
                *count += event.used;
            }
            (DocumentMeaning::Surplus, Some((DocumentMeaning::Surplus, count))) => {
                *count += event.used;
            }
            _ => found.push((event.meaning, event.used)),
        }
        if is_last {
            return found;
        }
    }
}
