//! Replies cut at every position, and their ends by silence or by a close, with times as numbers.

use super::*;
use crate::protocol::Refusal;

const RECORD: &str = "RFC 1 Title h.example 5678\r\n";

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn client(form: ReplyForm) -> IndexClient {
    let mut role = IndexClient::new(IndexReplyDecoder::default());
    role.expect(form, at(0));
    role
}

/// All events of these bytes, without empty lines, and the bytes that are left.
fn events(role: &mut IndexClient, input: &mut Vec<u8>) -> Vec<(ReplyMeaning, &'static str)> {
    let mut found = Vec::new();
    while let Some(event) = role.next(input, || at(0)) {
        input.drain(..event.used);
        let is_fault = matches!(event.meaning, ReplyMeaning::Fault(_));
        if !matches!(event.meaning, ReplyMeaning::EmptyLines | ReplyMeaning::Skipped) {
            found.push((event.meaning, event.section));
        }
        if is_fault {
            break;
        }
    }
    found
}

#[test]
fn cuts_do_not_matter() {
    let found = format!("P2P-CI/1.0 200 OK\r\n\r\n{RECORD}Length: 5\r\n\r\n");
    let two = format!("\r\n{found}P2P-CI/1.0 404 Not Found\r\nReason: none\r\n\r\n");
    for (bytes, sections) in [
        (found, &["3.2", "4.5", "4.11", "3.2"][..]),
        (two, &["3.2", "4.5", "4.11", "3.2", "3.2", "6.3", "3.2"]),
        ("HTTP/1.1 200 OK\r\n".into(), &["6.1"]),
    ] {
        let whole = events(&mut client(ReplyForm::Records), &mut bytes.clone().into_bytes());
        assert_eq!(whole.iter().map(|(_, section)| *section).collect::<Vec<_>>(), sections);
        for cut in 0..bytes.len() {
            let mut role = client(ReplyForm::Records);
            let mut input = bytes.as_bytes()[..cut].to_vec();
            let mut pieces = events(&mut role, &mut input);
            input.extend_from_slice(&bytes.as_bytes()[cut..]);
            if !matches!(pieces.last(), Some((ReplyMeaning::Fault(_), _))) {
                pieces.extend(events(&mut role, &mut input));
            }
            assert_eq!(pieces, whole, "cut at {cut}");
        }
    }
}

#[test]
fn cuts_do_not_matter_in_replies_of_other_programs() {
    let odd = || IndexReplyDecoder::after_greeting().with_odd_rows();
    let rows = "RFC 7 A Title\n1<sp>A B<sp>h<sp>9<sp>5\nRFC 3 A\r h\r 5\r\n";
    let replies = [
        format!("hello\nP2P-CI/1.0 200 OK\n{rows}\n"),
        format!("P2P-CI/1.0 200 OK\n\n{rows}\nEND\nP2P-CI/1.0 404 x\n\nEND\n"),
        format!("P2P-CI/1.0 200 OK\n{rows}END\nP2P-CI/1.0 200 OK\n\n\n\nEND\n"),
        format!("P2P-CI/1.0 200 OK\n{rows}Length: 1\n\n"),
    ];
    for (reply, ends) in replies.iter().flat_map(|reply| [(reply, false), (reply, true)]) {
        let read = |step: usize| {
            let decoder = if ends { odd().with_end_lines() } else { odd() };
            let mut role = IndexClient::new(decoder);
            role.expect(ReplyForm::Records, at(0));
            let (mut input, mut found) = (Vec::new(), Vec::new());
            for piece in reply.as_bytes().chunks(step) {
                input.extend_from_slice(piece);
                found.extend(events(&mut role, &mut input));
                if matches!(found.last(), Some((ReplyMeaning::Fault(_), _))) {
                    break;
                }
            }
            (found, role.decoder_mut().take_odd_row())
        };
        let whole = read(reply.len());
        assert_eq!(whole.1.as_deref(), Some("RFC 7 A Title"), "{reply:?}");
        for step in 1..reply.len() {
            assert_eq!(read(step), whole, "{reply:?} in pieces of {step}, {ends}");
        }
    }
}

/// Events after the end of the bytes: when the deadline passes, and when the server closes.
#[test]
fn a_reply_ends_by_silence_or_by_a_close() {
    use ReplyMeaning::{Closed, End, Missing};
    let (records, add) = (ReplyForm::Records, ReplyForm::OneRecord);
    let (new, extended) =
        (IndexTraits::default(), IndexTraits { extensions: true, ..IndexTraits::default() });
    let (status, bare) = ("P2P-CI/1.0 200 OK\r\n\r\n", "P2P-CI/1.0 200 OK\r\n");
    let before_close = Missing("the rest of the reply before the end of the connection");
    let cut = Missing("the final empty line before the end of the connection");
    let table = [
        ("", records, new, 30_000, Missing("a reply"), Closed),
        ("P2P", records, new, 30_000, Missing("the end of the status line"), before_close.clone()),
        (
            "P2P-CI/1.0 404 x\r\n",
            records,
            new,
            200,
            End(ReplyEnd::Complete),
            End(ReplyEnd::Complete),
        ),
        (bare, add, new, 1_000, End(ReplyEnd::Complete), End(ReplyEnd::Complete)),
        (status, records, new, 5_000, End(ReplyEnd::Silence(at(5))), End(ReplyEnd::Close)),
        (bare, records, new, 1_000, End(ReplyEnd::Silence(at(1))), End(ReplyEnd::Close)),
        (status, records, extended, 30_000, Missing("the final empty line of the reply"), cut),
    ];
    for (bytes, form, traits, milliseconds, after_silence, after_close) in table {
        let waiting = |input: &mut Vec<u8>| {
            let mut role = client(form);
            events(&mut role, input);
            let deadline = role.wait(input, traits, at(0));
            assert_eq!(deadline, Some(Duration::from_millis(milliseconds)), "{bytes:?}");
            assert_eq!(role.next_deadline(), deadline);
            role
        };
        let mut input = bytes.as_bytes().to_vec();
        let mut role = waiting(&mut input);
        let late = Duration::from_millis(milliseconds);
        let event = role.on_timeout(&input, late).unwrap();
        assert_eq!(event.meaning, after_silence, "{bytes:?}");
        let mut input = bytes.as_bytes().to_vec();
        let event = waiting(&mut input).on_end(&input, at(0));
        assert_eq!(event.meaning, after_close, "{bytes:?}");
        let mut input = bytes.as_bytes().to_vec();
        let mut role = waiting(&mut input);
        assert_eq!(role.on_timeout(&input, late - Duration::from_millis(1)), None, "{bytes:?}");
    }
}

#[test]
fn a_refusal_without_a_line_end_is_complete() {
    let refused = |code| ReplyMeaning::Part(ReplyPart::Refused(code));
    let shown = IndexTraits { final_lines: true, ..IndexTraits::default() };
    let (busy, unknown) = (Refusal::ServiceUnavailable, Refusal::NotFound);
    for (bytes, refusal) in [
        ("P2P-CI/1.0 503 Service Unavailable", busy),
        ("P2P-CI/1.0 503 Serv", busy),
        ("P2P-CI/1.0 503\r", busy),
        ("\r\nP2PCI/1.0 404", unknown),
    ] {
        for closes in [false, true] {
            let mut role = client(ReplyForm::Records);
            let mut input = bytes.as_bytes().to_vec();
            assert_eq!(events(&mut role, &mut input), [], "{bytes:?}");
            let late = at(7) + Duration::from_millis(200);
            assert_eq!(role.wait(&input, IndexTraits::default(), at(7)), Some(late), "{bytes:?}");
            let event = match closes {
                true => role.on_end(&input, at(7)),
                false => role.on_timeout(&input, late).unwrap(),
            };
            assert_eq!(event.meaning, refused(refusal), "{bytes:?}");
            input.drain(..event.used);
            let end = role.next(&input, || late).unwrap();
            assert_eq!((end.meaning, input.len()), (ReplyMeaning::End(ReplyEnd::Complete), 0));
            // The next reply is read as any other.
            let mut input = b"P2P-CI/1.0 404 Not Found\r\n\r\n".to_vec();
            let found = events(&mut role, &mut input);
            assert_eq!(found.first().map(|(part, _)| part), Some(&refused(unknown)), "{bytes:?}");
        }
    }
    for (bytes, traits) in [
        ("P2P-CI/1.0 40", IndexTraits::default()),
        ("P2P-CI/1.0 4040", IndexTraits::default()),
        ("P2P-CI/1.0 200 OK", IndexTraits::default()),
        ("P2P-CI/1.0 404 Not", shown),
    ] {
        let mut role = client(ReplyForm::Records);
        let mut input = bytes.as_bytes().to_vec();
        assert_eq!(events(&mut role, &mut input), [], "{bytes:?}");
        assert_eq!(role.wait(&input, traits, at(0)), Some(at(30)), "{bytes:?}");
        let missing = ReplyMeaning::Missing("the end of the status line");
        assert_eq!(role.on_timeout(&input, at(30)).map(|event| event.meaning), Some(missing));
    }
}

#[test]
fn a_last_record_without_a_line_end_comes_before_the_end() {
    let mut role = client(ReplyForm::Records);
    let mut input = format!("P2P-CI/1.0 200 OK\r\n{}", RECORD.trim_end()).into_bytes();
    assert_eq!(events(&mut role, &mut input).len(), 1);
    assert_eq!(role.wait(&input, IndexTraits::default(), at(2)), Some(at(3)));
    let event = role.on_timeout(&input, at(3)).unwrap();
    assert!(matches!(event.meaning, ReplyMeaning::Part(ReplyPart::Record(_))), "{event:?}");
    input.drain(..event.used);
    let end = ReplyMeaning::End(ReplyEnd::Silence(at(1)));
    assert_eq!(role.next(&input, || at(3)).map(|event| event.meaning), Some(end));
    assert_eq!((role.next(&input, || at(3)), input.len()), (None, 0));
}

#[test]
fn a_greeting_is_followed_soon_by_a_reply() {
    let mut role = IndexClient::new(IndexReplyDecoder::after_greeting());
    role.expect(ReplyForm::Records, at(0));
    let mut input = b"220 hello\r\n".to_vec();
    assert_eq!(events(&mut role, &mut input), []);
    assert_eq!(role.take_greeting().as_deref(), Some("220 hello"));
    let soon = limits::IndexClient::DEFAULT.reply_after_greeting;
    assert_eq!(role.wait(&input, IndexTraits::default(), at(1)), Some(soon));
    let missing = ReplyMeaning::Missing("a reply before the end of the connection");
    assert_eq!(role.on_end(&input, at(1)).meaning, missing);
}

#[test]
fn a_reply_must_arrive_at_the_minimum_rate() {
    let mut role = client(ReplyForm::Records);
    let mut slow = None;
    for second in 0..60 {
        assert_eq!(slow, None, "after {second} s");
        role.wait(b"P", IndexTraits::default(), at(second));
        slow = role.received(1, at(second + 1)).map(|event| event.section);
    }
    assert_eq!(slow, Some("7"));
    // While no reply is expected, nothing has to arrive.
    role.expect_at_any_time(ReplyForm::OneRecord);
    assert_eq!(role.wait(b"", IndexTraits::default(), at(0)), None);
    assert_eq!(role.received(1, at(1000)), None);
}

/// The bytes of lines before a reply are bounded alike, whether they arrive alone or with the reply.
#[test]
fn lines_before_a_reply_count_alike_however_they_are_cut() {
    let found = format!("P2P-CI/1.0 200 OK\r\n\r\n{RECORD}P2P-CI/1.0 404 x\r\n\r\n");
    // What seems to begin the next reply ends this one, and is a header.
    let ended = format!("P2P-CI/1.0 200 OK\r\n\r\n{RECORD}P2P-CI/1.0X: 1\r\n");
    let headers = |count: usize| format!("X: {}\r\n", "x".repeat(100)).repeat(count);
    let empty = |count: usize| "\r\n".repeat(count);
    for (greets, bytes, is_fault) in [
        (false, format!("{}{found}", empty(512)), false),
        (false, format!("{}{found}", empty(513)), true),
        (false, format!("{ended}{}{found}", headers(40)), false),
        (false, format!("{ended}{}{found}", headers(65)), true),
        (true, format!("{}{found}", headers(8)), false),
        (true, format!("{}{found}", headers(9)), true),
    ] {
        let read = |step: usize| {
            let decoder = match greets {
                true => IndexReplyDecoder::after_greeting(),
                false => IndexReplyDecoder::default(),
            };
            let mut role = IndexClient::new(decoder);
            role.expect(ReplyForm::Records, at(0));
            let (mut input, mut found) = (Vec::new(), Vec::new());
            for piece in bytes.as_bytes().chunks(step) {
                input.extend_from_slice(piece);
                found.extend(events(&mut role, &mut input));
                if matches!(found.last(), Some((ReplyMeaning::Fault(_), _))) {
                    break;
                }
            }
            found
        };
        let whole = read(bytes.len());
        let has_fault = matches!(whole.last(), Some((ReplyMeaning::Fault(_), _)));
        assert_eq!(has_fault, is_fault, "{bytes}");
        for step in [1, 2, 3, 7, 100, 1023] {
            assert_eq!(read(step), whole, "{bytes} in pieces of {step}");
        }
    }
}
