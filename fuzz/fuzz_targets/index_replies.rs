//! Replies of an index: a whole one is written so that it is read again, with one line a record;
//! and however it is cut, its parts are the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use p2p_ci::protocol::{IndexReply, IndexReplyDecoder};

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
});

fn parts(bytes: &[u8], step: usize) -> Vec<String> {
    let mut decoder = IndexReplyDecoder::default();
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    while end < bytes.len() {
        end = (end + step).min(bytes.len());
        loop {
            match decoder.decode(&bytes[start..end]) {
                Ok(Some((part, used))) => {
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
    parts
}
