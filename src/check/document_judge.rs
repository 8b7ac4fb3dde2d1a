//! Compares a document and its head with what is accepted (protocol.md sections 5.2 to 5.7).

use sha2::{Digest as _, Sha256};

use super::case::DocumentRule;
use super::reply::{Ending, Reply};
use super::symptom::Symptom;
use crate::protocol::{ContentRange, Digest};

/// How the reply differs from what is accepted. `first` is the first document of the case.
pub(super) fn difference(
    rule: DocumentRule,
    reply: &Reply,
    first: Option<&Reply>,
) -> Option<Symptom> {
    let Some(head) = &reply.head else {
        return reply.broken().or(Some(Symptom::Status));
    };
    let fails = |is_right: bool, symptom| (!is_right).then_some(symptom);
    let must = |status: u16| fails(reply.status == Some(status), Symptom::Status);
    let is_whole = matches!(reply.ending, Ending::Complete | Ending::Close);
    let whole = || must(200).or_else(|| fails(is_whole, Symptom::Content));
    match rule {
        DocumentRule::Whole => whole(),
        DocumentRule::SameAsFirst => {
            let is_same = first.is_some_and(|first| first.body == reply.body);
            whole().or_else(|| fails(is_same, Symptom::Content))
        }
        DocumentRule::Header(name) => {
            let is_readable = match name {
                "Date" => head.date.is_some(),
                "OS" => head.os.is_some(),
                "Last-Modified" => head.last_modified.is_some(),
                "Content-Length" => head.content_length.is_some(),
                _ => head.content_type.is_some(),
            };
            must(200)
                .or_else(|| fails(is_readable && has_header(&reply.raw, name), Symptom::Missing))
        }
        DocumentRule::Length => {
            let is_right = is_whole && reply.surplus == 0;
            must(200)
                .or_else(|| fails(head.content_length.is_some(), Symptom::Missing))
                .or_else(|| fails(is_right, Symptom::Content))
        }
        DocumentRule::HeadForm => must(200).or_else(|| fails(is_strict(&reply.raw), Symptom::Form)),
        DocumentRule::ClosedAfter => {
            let is_closed = reply.is_closed || reply.ending == Ending::Close;
            whole().or_else(|| fails(is_closed, Symptom::Connection))
        }
        DocumentRule::Digest => {
            let computed = Digest::new(Sha256::digest(&reply.body).into());
            whole()
                .or_else(|| fails(head.digest.is_some(), Symptom::Missing))
                .or_else(|| fails(head.digest == Some(computed), Symptom::Content))
        }
        DocumentRule::FromSecondByte => {
            let rest = first.and_then(|first| first.body.get(1..));
            let part = head.content_range.map(ContentRange::first);
            must(206)
                .or_else(|| fails(part == Some(1), Symptom::Missing))
                .or_else(|| fails(is_whole && rest == Some(&reply.body), Symptom::Content))
        }
        DocumentRule::KeptOpen => whole()
            .or_else(|| fails(head.keep_alive, Symptom::Missing))
            .or_else(|| fails(head.content_length.is_some(), Symptom::Missing)),
    }
}

fn has_header(head: &[u8], name: &str) -> bool {
    let text = String::from_utf8_lossy(head).into_owned();
    let has_name = |line: &str| {
        line.split_once(':').is_some_and(|(found, _)| found.trim().eq_ignore_ascii_case(name))
    };
    text.lines().any(has_name)
}

/// Whether all line ends are CRLF, and an empty line ends the head.
fn is_strict(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    text.ends_with("\r\n\r\n") && text.split_inclusive('\n').all(|line| line.ends_with("\r\n"))
}
