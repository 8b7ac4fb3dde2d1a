//! Replies in pieces of any size, and replies of other programs (protocol.md sections 3.2 and 4.9).

use super::*;
use crate::protocol::Refusal;

fn parts(form: ReplyForm, input: &[u8]) -> (Vec<ReplyPart>, ReplyState, bool) {
    let mut decoder = IndexReplyDecoder::new(form);
    let (mut used, mut parts) = (0, Vec::new());
    while let Some((part, taken)) = decoder.decode(&input[used..]).unwrap() {
        parts.push(part);
        used += taken;
        if used == input.len() && parts.last() == Some(&ReplyPart::End) {
            break;
        }
    }
    (parts, decoder.state(&input[used..]), decoder.shows_final_lines())
}

#[test]
fn the_reply_to_add_is_complete_with_its_record() {
    for (reply, ends, shows) in [
        ("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n\r\n", true, true),
        ("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n", true, false),
        ("P2P-CI/1.0 200 OK\nRFC 1 T h 1\n", true, false),
        ("P2P-CI/1.0 200 OK\nRFC 1 T h 1", false, false),
        ("P2P-CI/1.0 200 OK\r\n\n", false, false),
        ("P2P-CI/1.0 200 OK\r\n", false, false),
    ] {
        let (found, _, shown) = parts(ReplyForm::OneRecord, reply.as_bytes());
        assert_eq!(found.last() == Some(&ReplyPart::End), ends, "{reply:?}");
        assert_eq!(shown, shows, "{reply:?}");
    }
    // Several replies in one piece remain several replies.
    let twice = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n\r\n".repeat(2);
    let (found, ..) = parts(ReplyForm::OneRecord, twice.as_bytes());
    assert_eq!(found.iter().filter(|part| **part == ReplyPart::End).count(), 2);
}

#[test]
fn a_final_line_that_comes_later_belongs_to_the_reply_before() {
    let mut decoder = IndexReplyDecoder::new(ReplyForm::OneRecord);
    let mut last = None;
    let reply = b"P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n";
    let mut used = 0;
    while let Some((part, taken)) = decoder.decode(&reply[used..]).unwrap() {
        used += taken;
        last = Some(part);
        if last == Some(ReplyPart::End) {
            break;
        }
    }
    assert_eq!((last, used), (Some(ReplyPart::End), reply.len()));
    assert!(!decoder.shows_final_lines());
    let next = b"\r\nP2P-CI/1.0 404 Not Found\r\n";
    assert!(matches!(decoder.decode(next), Ok(Some((ReplyPart::Refused(_), _)))));
    assert!(decoder.shows_final_lines());
    assert_eq!(decoder.state(b""), ReplyState::Refused);
    // A reason that comes after the refusal was taken for complete.
    decoder.end_here(b"");
    let late = b"Reason: x\r\n\r\nP2P-CI/1.0 200 OK\r\n";
    assert!(matches!(decoder.decode(late), Ok(Some((ReplyPart::Found, _)))));
    assert_eq!(
        decoder.state(b"RFC 1"),
        ReplyState::Found { follows_grammar: false, is_in_line: true }
    );
}

#[test]
fn headers_without_end_are_no_reply() {
    for header in ["Length: 1\r\n", "X: y\r\n"] {
        let reply = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n".to_string() + &header.repeat(99);
        let mut decoder = IndexReplyDecoder::default();
        let mut used = 0;
        let fault = loop {
            match decoder.decode(&reply.as_bytes()[used..]) {
                Ok(Some((_, taken))) => used += taken,
                Ok(None) => panic!("{header:?} was read to its end"),
                Err(fault) => break fault,
            }
        };
        assert!(fault.to_string().contains("at most 64 headers"), "{fault}");
    }
    let reply = "P2P-CI/1.0 400 Bad Request\r\n".to_string() + &"Reason: x\r\n".repeat(99);
    let mut decoder = IndexReplyDecoder::default();
    let mut used = 0;
    while let Ok(Some((_, taken))) = decoder.decode(&reply.as_bytes()[used..]) {
        used += taken;
    }
    assert!(decoder.decode(&reply.as_bytes()[used..]).is_err());
}

#[test]
fn a_greeting_is_skipped_before_the_first_reply_only() {
    let decode = |input: &str| {
        let mut decoder = IndexReplyDecoder::after_greeting();
        let part = decoder.decode(input.as_bytes()).map(|part| part.map(|(part, _)| part));
        (part, decoder.take_greeting())
    };
    let status = "P2P-CI/1.0 404 Not Found\r\n";
    for (greeting, first) in [
        ("", None),
        ("Welcome\r\n", Some("Welcome")),
        ("Welcome\nPlease log in\n\n", Some("Welcome")),
        ("HELLO ", Some("HELLO ")),
        ("\0\u{1f}", Some("\0\u{1f}")),
    ] {
        let (part, found) = decode(&format!("{greeting}{status}"));
        assert_eq!(part, Ok(Some(ReplyPart::Refused(Refusal::NotFound))), "{greeting:?}");
        assert_eq!(found.as_deref(), first, "{greeting:?}");
    }
    // Not forever, and nothing between two replies.
    assert!(decode(&"Welcome\r\n".repeat(20)).0.is_err());
    let mut decoder = IndexReplyDecoder::after_greeting();
    let reply = format!("{status}\r\n");
    let (_, used) = decoder.decode(reply.as_bytes()).unwrap().unwrap();
    let (end, more) = decoder.decode(&reply.as_bytes()[used..]).unwrap().unwrap();
    assert_eq!((end, used + more), (ReplyPart::End, reply.len()));
    assert!(decoder.decode(b"Welcome\r\n").is_err());
    assert!(IndexReplyDecoder::default().decode(b"Welcome\r\n").is_err());
}

#[test]
fn the_record_in_a_reply_to_add_may_have_any_form() {
    let reply = "P2P-CI/1.0 200 OK\nRFC 1 host 1 Title\n";
    let (found, ..) = parts(ReplyForm::OneRecord, reply.as_bytes());
    assert_eq!(found, [ReplyPart::Found, ReplyPart::End]);
    assert!(IndexReplyDecoder::new(ReplyForm::Records).decode(reply.as_bytes()).is_ok());
    let mut decoder = IndexReplyDecoder::new(ReplyForm::Records);
    let (_, used) = decoder.decode(reply.as_bytes()).unwrap().unwrap();
    assert!(decoder.decode(&reply.as_bytes()[used..]).is_err());
}

#[test]
fn a_refusal_names_a_cluster_and_its_servers() {
    let reply = "P2P-CI/1.0 404 Not Found\r\ncluster: a-1\r\nCluster-Server: h:1\r\nX: y\r\n\
                 Cluster: a b\r\nCluster-Server: h\r\nCluster-Server: [::1]:2\r\nReason: r\r\n\r\n";
    let (mut decoder, mut used, mut found) = (IndexReplyDecoder::default(), 0, Vec::new());
    while let Ok(Some((part, taken))) = decoder.decode(&reply.as_bytes()[used..]) {
        used += taken;
        found.push(part);
    }
    let server = |text: &str| ReplyPart::ClusterServer(text.parse().unwrap());
    let expected = [
        ReplyPart::Refused(Refusal::NotFound),
        ReplyPart::Cluster("a-1".parse().unwrap()),
        server("h:1"),
        server("[::1]:2"),
        ReplyPart::Reason("r".parse().unwrap()),
        ReplyPart::End,
    ];
    assert_eq!((found, used), (expected.to_vec(), reply.len()));
}

#[test]
fn replies_of_programs_with_lines_of_their_own() {
    let row = "RFC 7 T h 5\n";
    for (reply, records, ends) in [
        ("200 OK\n\nRFC 7 T h 5\n\n", 1, true),
        ("404 Not Found\n\n", 0, true),
        ("P2P/1.0 200 OK\nRFC 7 T h 5\n\n", 1, true),
        ("P2P-CI/1.0 200 OK\n1 record\n\nRFC 7 T h 5\n\n", 1, true),
        ("P2P-CI/1.0 200 OK\nRFC 7 T h 5\n<END>", 1, false),
    ] {
        let mut decoder = IndexReplyDecoder::after_greeting().with_odd_rows();
        decoder.expect(ReplyForm::Records);
        let (mut used, mut found, mut has_ended) = (0, 0, false);
        while let Some((part, taken)) = decoder.decode(&reply.as_bytes()[used..]).unwrap() {
            used += taken;
            found += usize::from(matches!(part, ReplyPart::Record(_)));
            has_ended = part == ReplyPart::End;
            if has_ended {
                break;
            }
        }
        assert_eq!((found, has_ended), (records, ends), "{reply:?}");
        let in_line = ReplyState::Found { follows_grammar: false, is_in_line: true };
        assert_ne!(decoder.state(&reply.as_bytes()[used..]), in_line, "{reply:?}");
    }
    for line in ["R", "RFC", "RFC 7", "P2", "P2P-CI", "F", "FILE", "x y", "7"] {
        let mut decoder = IndexReplyDecoder::after_greeting().with_odd_rows();
        decoder.expect(ReplyForm::Records);
        let reply = format!("P2P-CI/1.0 200 OK\n{row}{line}");
        let mut used = 0;
        while let Some((_, taken)) = decoder.decode(&reply.as_bytes()[used..]).unwrap() {
            used += taken;
        }
        assert!(!decoder.is_mark(&reply.as_bytes()[used..]), "{line:?}");
    }
}
