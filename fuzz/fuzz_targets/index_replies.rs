//! Replies of an index: a whole one is written so that it is read again, with one line a record;
//! however it is cut, its parts are the same; and where it ends is known or a fault.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use p2p_ci::protocol::role::{IndexClient, IndexTraits, ReplyMeaning};
use p2p_ci::protocol::{
    Attribute, IndexReply, IndexReplyDecoder, ReplyPart, encode_attribute, encode_refusal,
};

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    if let Ok(Some((reply, used))) = IndexReply::decode(bytes) {
        assert!(used <= bytes.len());
        let mut written = Vec::new();
        reply.encode(&mut written);
        if let IndexReply::Found(records) = &reply {
            let lines = written.iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(lines, records.len() + 3);
        }
        let length = written.len();
        assert_eq!(IndexReply::decode(&written), Ok(Some((reply, length))));
    }
    let whole = parts(bytes, bytes.len().max(1));
    assert_eq!(whole, parts(bytes, usize::from(step).max(1)));
    let decoders: [fn() -> IndexReplyDecoder; 3] = [
        IndexReplyDecoder::default,
        || IndexReplyDecoder::after_greeting().with_odd_rows(),
        || IndexReplyDecoder::after_greeting().with_odd_rows().with_end_lines(),
    ];
    let decoders = match may_separate_rows(bytes) {
        true => &decoders[..1],
        false => &decoders[..],
    };
    for decoder in decoders {
        let whole = events(bytes, bytes.len().max(1), decoder());
        assert_eq!(whole, events(bytes, usize::from(step).max(1), decoder()));
    }
});

/// Whether an empty line may stand between two rows. Where odd rows are read, it ends the reply if no row has arrived
/// after it, so that cuts matter.
fn may_separate_rows(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let is_row = |line: &[u8]| !line.is_empty() && !line.starts_with(b"P2P-CI/");
    lines.any(<[u8]>::is_empty) && lines.any(is_row)
}

/// What a peer finds, up to the end of the connection: the same however the bytes are cut.
fn events(bytes: &[u8], step: usize, decoder: IndexReplyDecoder) -> Vec<String> {
    let now = || Duration::ZERO;
    let mut role = IndexClient::new(decoder);
    let (mut start, mut end, mut is_over, mut found) = (0, 0, false, Vec::new());
    loop {
        let event = match role.next(&bytes[start..end], now) {
            Some(event) => event,
            None if end < bytes.len() => {
                end = (end + step).min(bytes.len());
                continue;
            }
            None if is_over => return found,
            None => {
                is_over = true;
                role.wait(&bytes[start..end], IndexTraits::default(), now());
                role.on_end(&bytes[start..end], now())
            }
        };
        start += event.used;
        assert!(start <= end);
        match event.meaning {
            // They may be taken in several events.
            ReplyMeaning::EmptyLines => {}
            ReplyMeaning::Fault(error) => {
                found.push(error.to_string());
                return found;
            }
            meaning => found.push(format!("{meaning:?}")),
        }
    }
}

fn parts(bytes: &[u8], step: usize) -> Vec<String> {
    let mut decoder = IndexReplyDecoder::default();
    let mut parts = Vec::new();
    let mut is_in_reply = false;
    let (mut start, mut end) = (0, 0);
    while end < bytes.len() {
        end = (end + step).min(bytes.len());
        loop {
            match decoder.decode(&bytes[start..end]) {
                Ok(Some((part, used))) => {
                    check(&part);
                    is_in_reply = part != ReplyPart::End;
                    parts.push(format!("{part:?}"));
                    start += used;
                }
                Ok(None) => break,
                Err(error) => {
                    parts.push(error.to_string());
                    return parts;
                }
            }
        }
    }
    // The connection ends here.
    if is_in_reply || start < bytes.len() {
        match decoder.finish(&bytes[start..]) {
            Ok((part, used)) => parts.push(format!("{part:?} at the end, {}", start + used)),
            Err(error) => parts.push(error.to_string()),
        }
    }
    parts
}

/// What was read is written so that it is read again.
fn check(part: &ReplyPart) {
    let mut written = b"P2P-CI/1.0 200 OK\r\n\r\nRFC 1 a h 1\r\n".to_vec();
    match part {
        ReplyPart::Attribute(attribute) => {
            encode_attribute(*attribute, &mut written);
            let mut decoder = IndexReplyDecoder::default();
            let mut rest = &written[..];
            let mut last: Option<Attribute> = None;
            while let Ok(Some((part, used))) = decoder.decode(rest) {
                if let ReplyPart::Attribute(attribute) = part {
                    last = Some(attribute);
                }
                rest = &rest[used..];
            }
            assert_eq!(last.as_ref(), Some(attribute));
        }
        ReplyPart::Refused(refusal) => {
            written.clear();
            encode_refusal(*refusal, None, &mut written);
            let found = IndexReply::decode(&written);
            let expected = IndexReply::Refused { refusal: *refusal, reason: None };
            assert_eq!(found, Ok(Some((expected, written.len()))));
        }
        _ => {}
    }
}
