//! The bytes of replies, and how they are sent (protocol.md sections 3.2, 3.3 and 6).

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::asked::Asked;
use super::exchange::{Body, Delivery, Document, Operation};
use crate::protocol::{
    Date, DocumentHead, DocumentReply, END_OF_RECORDS, HeaderText, IndexReply, Record, Refusal,
};

/// A reply on its way.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) pieces: Vec<Vec<u8>>,
    /// The pause after each piece but the last.
    pub(super) pause: Duration,
    pub(super) then: Then,
}

/// What follows a reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Then {
    /// The next request.
    Read,
    /// The end of this side, and that of the client.
    Close,
    /// The client closes the connection.
    Wait,
}

/// The pause between single bytes, which makes each a segment.
const BETWEEN_BYTES: Duration = Duration::from_millis(1);
/// The pause in the middle of a reply: longer than a program needs to read its beginning.
const IN_THE_MIDDLE: Duration = Duration::from_millis(200);

impl Answer {
    /// A refusal.
    pub(super) fn refused(refusal: Refusal, reason: Option<&str>) -> Self {
        let reason: Option<HeaderText> = reason.and_then(|reason| reason.parse().ok());
        let mut bytes = Vec::new();
        IndexReply::Refused { refusal, reason }.encode(&mut bytes);
        Self::whole(bytes)
    }

    /// Status 200 and records.
    pub(super) fn records(records: Vec<Record>, delivery: Delivery) -> Self {
        let mut bytes = Vec::new();
        IndexReply::Found(records).encode(&mut bytes);
        Self::delivered(bytes, delivery)
    }

    /// The reply of an upload server.
    pub(super) fn document(number: u64, document: Document) -> Self {
        let body = body(number, document.body);
        let mut bytes = match document.has_other_head {
            true => other_head(body.len()),
            false => head(body.len()),
        };
        bytes.extend(body);
        let then = if document.stays_open { Then::Wait } else { Then::Close };
        Self { then, ..Self::delivered(bytes, document.delivery) }
    }

    /// What ends the connection after its reply.
    pub(super) fn closing(self) -> Self {
        Self { then: Then::Close, ..self }
    }

    /// All bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    fn whole(bytes: Vec<u8>) -> Self {
        Self { pieces: vec![bytes], pause: Duration::ZERO, then: Then::Read }
    }

    fn delivered(bytes: Vec<u8>, delivery: Delivery) -> Self {
        let begin = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
        let middle = match delivery {
            Delivery::Whole => return Self::whole(bytes),
            Delivery::Bytewise => {
                let pieces = bytes.iter().map(|byte| vec![*byte]).collect();
                return Self { pieces, pause: BETWEEN_BYTES, then: Then::Read };
            }
            Delivery::PauseInLine => begin.saturating_add(9),
            Delivery::PauseBeforeEnd => bytes.len().saturating_sub(END_OF_RECORDS.len()),
        };
        let (first, second) = bytes.split_at_checked(middle).unwrap_or((&bytes, &[]));
        let pieces = vec![first.to_vec(), second.to_vec()];
        Self { pieces, pause: IN_THE_MIDDLE, then: Then::Read }
    }
}

/// A record of another peer: of the RFC of this step or, in a list, of another one. Its title has a word
/// that occurs nowhere else.
pub(super) fn record(asked: &Asked, place: usize, host: IpAddr) -> Option<Record> {
    let number = match asked.operation {
        Operation::List => 1_000_usize.saturating_add(place).to_string(),
        _ => asked.number.to_string(),
    };
    let (word, port) = (word(asked.number, place), 50_001_usize.saturating_add(place % 2));
    Record::parse(&format!("RFC {number} Check {word} {host} {port}")).ok()
}

/// The word in the title of a record.
pub(super) fn word(number: u64, place: usize) -> String {
    format!("q{number}x{place}")
}

/// The bytes of a document, which differ from those of all other documents.
pub(super) fn body(number: u64, body: Body) -> Vec<u8> {
    let mut bytes = format!("RFC {number}\nA document of p2p-ci check.\n").into_bytes();
    match body {
        Body::Text => bytes.extend(b"It has three lines, and no line end after the last one."),
        Body::LikeHead => bytes.extend(
            b"\r\n\r\nContent-Length: 3\r\n\r\nP2P-CI/1.0 404 Not Found\r\n\r\nRFC 1 a h 1\r\n\r\n\
              The end.\n\n",
        ),
        Body::Large => {
            while bytes.len() < 300 * 1024 {
                let line = format!("Line {} of a document of 300 KiB.\n", bytes.len());
                bytes.extend(line.into_bytes());
            }
        }
        Body::Binary => bytes.extend((0..4).flat_map(|_| 0..=u8::MAX)),
    }
    bytes
}

fn head(length: usize) -> Vec<u8> {
    let now = Date::clamped(SystemTime::now());
    let text = |text: &str| text.parse::<HeaderText>().ok();
    let mut bytes = Vec::new();
    let head = DocumentHead {
        date: Some(now),
        os: text("Check 1.0"),
        last_modified: Some(now),
        content_length: u64::try_from(length).ok(),
        content_type: text("text/plain"),
        ..DocumentHead::default()
    };
    DocumentReply::Found(head).encode(&mut bytes);
    bytes
}

fn other_head(length: usize) -> Vec<u8> {
    format!(
        "P2P-CI/1.0 200 OK\r\ncontent-type: text/plain\r\nX-Check: a: b\r\nCONTENT-LENGTH:{length}\r\n\
         last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         os: Check 1.0\r\n\r\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::DocumentReplyDecoder;

    #[test]
    fn deliveries_change_no_byte() {
        let asked = Asked { operation: Operation::Lookup, number: 5, title: None, holder: None };
        let records = || vec![record(&asked, 0, [127, 0, 0, 1].into()).unwrap()];
        let whole = Answer::records(records(), Delivery::Whole).bytes();
        assert_eq!(whole, b"P2P-CI/1.0 200 OK\r\n\r\nRFC 5 Check q5x0 127.0.0.1 50001\r\n\r\n");
        let bytewise = Answer::records(records(), Delivery::Bytewise);
        assert_eq!((bytewise.bytes(), bytewise.pieces.len()), (whole.clone(), whole.len()));
        let line = Answer::records(records(), Delivery::PauseInLine);
        assert_eq!((line.bytes(), line.pieces[1].as_slice()), (whole.clone(), &whole[30..]));
        let end = Answer::records(records(), Delivery::PauseBeforeEnd);
        assert_eq!((end.bytes(), end.pieces[1].as_slice()), (whole, &b"\r\n"[..]));
    }

    #[test]
    fn heads_have_the_length_of_the_document() {
        for head in [head(77), other_head(77)] {
            let (reply, used) = DocumentReplyDecoder::default().decode(&head).unwrap().unwrap();
            let DocumentReply::Found(found) = reply else { panic!("{reply:?}") };
            assert_eq!((found.content_length, used), (Some(77), head.len()));
        }
    }
}
