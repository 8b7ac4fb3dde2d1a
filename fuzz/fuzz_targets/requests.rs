//! Requests of both kinds: cuts do not matter, and what was read is written so that it is read
//! again. The first byte says where the rest is cut. The hint of an error is left out: it may depend on the
//! bytes that have arrived after the fault.

#![no_main]

use std::fmt::Debug;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use p2p_ci::protocol::role::{DocumentServer, IndexServer, RequestEvent, RequestMeaning};
use p2p_ci::protocol::{
    ContentRange, DecodeError, DocumentRequest, IndexRequest, Request, RequestDecoder,
    UploadRequest, empty_lines,
};

fuzz_target!(|data: &[u8]| {
    if let Some((&step, bytes)) = data.split_first() {
        check::<IndexRequest>(bytes, usize::from(step).max(1));
        check::<UploadRequest>(bytes, usize::from(step).max(1));
        check_roles(bytes, usize::from(step).max(1));
        check_range(bytes);
    }
});

fn check<R: Request + PartialEq + Debug>(bytes: &[u8], step: usize) {
    let whole = RequestDecoder::<R>::new().decode(bytes).map_err(without_hint);
    let mut decoder = RequestDecoder::<R>::new();
    let mut pieces = Ok(None);
    let mut end = 0;
    while matches!(pieces, Ok(None)) && end < bytes.len() {
        end = (end + step).min(bytes.len());
        pieces = decoder.decode(&bytes[..end]).map_err(without_hint);
    }
    assert_eq!(whole, pieces, "in pieces of {step}");
    match whole {
        Ok(Some((request, used))) => {
            assert!(used <= bytes.len() && used > empty_lines(bytes));
            let mut written = Vec::new();
            request.encode(&mut written);
            let length = written.len();
            assert_eq!(RequestDecoder::<R>::new().decode(&written), Ok(Some((request, length))));
        }
        Ok(None) => {
            let error = decoder.cut("the end of the connection");
            assert!(!error.to_string().contains(char::is_control));
        }
        Err(error) => {
            assert!(error.framed.is_none_or(|used| used <= bytes.len()));
            assert!(!error.to_string().contains(char::is_control));
        }
    }
}

fn without_hint(mut error: DecodeError) -> DecodeError {
    error.fault.hint = None;
    error
}

/// The servers find the same events however the bytes are cut.
fn check_roles(bytes: &[u8], step: usize) {
    let index = |step| {
        let mut role = IndexServer::new();
        events(bytes, step, |input| role.next(input, || Duration::ZERO))
    };
    assert_eq!(index(bytes.len().max(1)), index(step), "in pieces of {step}");
    let upload = |step| {
        let mut role = DocumentServer::new();
        events(bytes, step, |input| role.next(input, || Duration::ZERO))
    };
    assert_eq!(upload(bytes.len().max(1)), upload(step), "in pieces of {step}");
}

/// The events of bytes in pieces, up to a fault after which nothing more can be found. Empty lines are
/// left out: they may be taken in several events.
fn events<R: Debug>(
    bytes: &[u8],
    step: usize,
    mut next: impl FnMut(&[u8]) -> Option<RequestEvent<R>>,
) -> Vec<String> {
    let (mut start, mut end, mut found) = (0, 0, Vec::new());
    while end < bytes.len() {
        end = (end + step).min(bytes.len());
        while let Some(event) = next(&bytes[start..end]) {
            start += event.used;
            assert!(start <= end);
            match event.meaning {
                RequestMeaning::EmptyLines => assert!(event.used > 0),
                RequestMeaning::Fault(error) => {
                    let is_last = error.framed.is_none();
                    found.push(format!("{:?}", without_hint(error)));
                    if is_last {
                        return found;
                    }
                }
                meaning => found.push(format!("{meaning:?}")),
            }
        }
    }
    found
}

/// A range of a document is a part of it, whatever its length.
fn check_range(bytes: &[u8]) {
    let Ok(Some((request, _))) = DocumentRequest::decode(bytes) else { return };
    let Some(range) = request.range else { return };
    for length in [0, 1, 100, 12_345, u64::MAX] {
        if let Some(part) = ContentRange::of(range, length) {
            assert!(part.count() > 0 && part.count() <= length);
            assert!(part.first() <= length - part.count());
            assert_eq!(part.length(), length);
        }
    }
}
