//! Tables of bytes, cut at every position, with times as numbers.

use super::*;

const LIST: &str = "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";
const LOOKUP: &str = "LOOKUP RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\n\n";
/// A fault within a request whose end is known.
const FRAMED: &str = "LIST SOME P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The meaning of an event, in a word.
fn word(event: &Event) -> String {
    match &event.meaning {
        RequestMeaning::EmptyLines => "empty".into(),
        RequestMeaning::Request(request) => request.to_string(),
        RequestMeaning::Fault(error) => format!("{}", Status::from(error.refusal).code()),
        RequestMeaning::Joined => "joined".into(),
        RequestMeaning::LateEnd => "end".into(),
        RequestMeaning::Leaving => "leaving".into(),
        RequestMeaning::Closed => "closed".into(),
    }
}

/// The word of an event, and its section.
type Found = (String, &'static str);

/// The events of bytes that arrive in these pieces, without empty lines, which depend on the cut.
fn events(pieces: &[&[u8]]) -> (Vec<Found>, usize, Option<Ending>) {
    let (mut role, mut input, mut found, mut total) =
        (IndexServer::new(), Vec::new(), Vec::new(), 0);
    for piece in pieces {
        input.extend_from_slice(piece);
        while role.ending().is_none()
            && let Some(event) = role.next(&input, || at(0))
        {
            input.drain(..event.used);
            total += event.used;
            let status = match &event.meaning {
                RequestMeaning::EmptyLines => continue,
                RequestMeaning::Fault(error) => Status::from(error.refusal),
                _ => Status::Ok,
            };
            role.replied(status);
            found.push((word(&event), event.section));
        }
    }
    (found, total, role.ending())
}

/// Bytes, the events in them, and why the connection ends after them.
type Row<'a> = (String, &'a [(&'a str, &'a str)], Option<Ending>);

#[test]
fn cuts_do_not_matter() {
    let ten = FRAMED.repeat(10);
    let table: [Row; 7] = [
        (LIST.into(), &[("LIST ALL", "4.4")], None),
        (format!("\r\n\n{LOOKUP}\r\n"), &[("LOOKUP RFC 1", "4.3")], None),
        (format!("{LIST}{LOOKUP}"), &[("LIST ALL", "4.4"), ("LOOKUP RFC 1", "4.3")], None),
        (format!("{FRAMED}{LOOKUP}"), &[("400", "4.4"), ("LOOKUP RFC 1", "4.3")], None),
        (
            format!("{LIST}\x01{LIST}"),
            &[("LIST ALL", "4.4"), ("400", "3.1")],
            Some(Ending::Unframed),
        ),
        (ten, &[("400", "4.4"); 10], Some(Ending::ConsecutiveFaults)),
        ("\r\n".repeat(33), &[("400", "7")], Some(Ending::Unframed)),
    ];
    for (bytes, expected, ending) in table {
        let bytes = bytes.as_bytes();
        let expected: Vec<_> =
            expected.iter().map(|(word, section)| (word.to_string(), *section)).collect();
        let whole = events(&[bytes]);
        assert_eq!(
            (&whole.0, whole.2),
            (&expected, ending),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
        for cut in 0..bytes.len() {
            let (before, after) = bytes.split_at(cut);
            let (found, total, ended) = events(&[before, after]);
            assert_eq!((&found, ended), (&expected, ending), "cut at {cut}");
            // Empty lines before the excess ones may have been taken.
            assert!(total == whole.1 || ending == Some(Ending::Unframed), "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(events(&single).0, expected);
    }
}

#[test]
fn a_head_has_20_seconds_from_the_first_wait() {
    for end in 1..LIST.len() {
        let mut role = IndexServer::new();
        let part = &LIST.as_bytes()[..end];
        assert_eq!(role.next(part, || at(0)), None);
        assert_eq!(role.wait(|| at(5)), Some(at(25)));
        // More bytes do not extend it.
        assert_eq!((role.wait(|| at(9)), role.next_deadline()), (Some(at(25)), Some(at(25))));
        assert_eq!(role.on_timeout(at(24)), None);
        let event = role.on_timeout(at(25)).unwrap();
        assert_eq!((word(&event), event.used), ("400".into(), 0));
        assert_eq!(role.ending(), Some(Ending::Unframed));
    }
}

#[test]
fn silence_between_requests_has_no_deadline() {
    let mut role = IndexServer::new();
    let now = || at(0);
    assert_eq!((role.next(b"", now), role.wait(now)), (None, None));
    // A carriage return may begin a request, or be a part of an empty line.
    assert_eq!((role.next(b"\r", now), role.wait(now)), (None, Some(at(20))));
    assert_eq!(role.next(b"\r\n", now).map(|event| event.used), Some(2));
    assert_eq!((role.next(b"", now), role.wait(now), role.next_deadline()), (None, None, None));
    assert_eq!(role.next(LIST.as_bytes(), now).map(|event| word(&event)), Some("LIST ALL".into()));
    assert_eq!((role.next(b"", now), role.wait(now)), (None, None));
    assert_eq!(role.on_timeout(at(1000)), None);
}

#[test]
fn the_end_of_the_connection_cuts_a_request() {
    for end in 0..LIST.len() {
        let mut role = IndexServer::new();
        assert_eq!(role.next(&LIST.as_bytes()[..end], || at(0)), None);
        let event = role.on_end().unwrap();
        assert_eq!(word(&event), if end == 0 { "closed" } else { "400" }, "after {end} bytes");
    }
}

#[test]
fn an_empty_line_now_and_then_is_harmless() {
    let mut role = IndexServer::new();
    for minute in 0..100 {
        let event = role.next(&b"\r\n".repeat(32), || at(60 * minute)).unwrap();
        assert_eq!((word(&event), event.used), ("empty".into(), 64));
    }
    assert_eq!(role.next(b"\n", || at(60 * 99 + 1)).map(|event| word(&event)), Some("400".into()));
}

#[test]
fn a_good_request_ends_a_row_of_faults() {
    let mut role = IndexServer::new();
    for _ in 0..3 {
        for _ in 1..limits::Server::DEFAULT.consecutive_faults {
            role.replied(Refusal::BadRequest.into());
        }
        assert_eq!(role.ending(), None);
        role.replied(Status::Ok);
    }
}
