//! Heads of documents: however they are cut, the same head and the same beginning of the document.

#![no_main]

use libfuzzer_sys::fuzz_target;
use p2p_ci::protocol::role::{DocumentClient, DocumentEvent};
use p2p_ci::protocol::{DocumentReply, DocumentReplyDecoder};

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(whole, read(bytes, usize::from(step).max(1)));
    assert_eq!(event(bytes, bytes.len().max(1)), event(bytes, usize::from(step).max(1)));
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

/// What a client finds, up to the end of the connection.
fn event(bytes: &[u8], step: usize) -> DocumentEvent {
    let mut role = DocumentClient::new();
    let mut end = 0;
    while end < bytes.len() {
        end = (end + step).min(bytes.len());
        if let Some(event) = role.next(&bytes[..end]) {
            return event;
        }
    }
    role.on_end(bytes)
}
