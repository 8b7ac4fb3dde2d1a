//! Compares replies by their meaning (protocol.md sections 4.5, 4.6, 5.2 and 6.1).

mod records;

use std::collections::BTreeSet;

use super::compare_lines::lines;
use super::difference::{AllIgnored, Difference, Ignored};
use super::exchanges::Exchange;
use super::reply::{Body, Reply};
use crate::counted::counted;
use crate::protocol::DocumentHead;

/// What counts as a difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exactness {
    /// The meaning of a reply.
    Meaning,
    /// Each line and each byte.
    Bytes,
}

/// What the comparison of all replies has found besides differences.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// What was ignored.
    pub(crate) ignored: AllIgnored,
    /// Bytes of recorded replies that are unknown.
    pub(crate) unrecorded: u64,
}

/// The differences between the recorded and the received reply to a request.
pub(crate) fn compare(
    recorded: &Exchange,
    received: Option<&Exchange>,
    exactness: Exactness,
    ports: &BTreeSet<u16>,
    found: &mut Comparison,
) -> Vec<Difference> {
    let received = received.and_then(|exchange| exchange.reply.as_ref());
    let (expected, received) = match (&recorded.reply, received) {
        (Some(expected), Some(received)) => (expected, received),
        (None, None) => return Vec::new(),
        (expected, received) => {
            let text = |reply: Option<&Reply>| reply.map_or("no reply".into(), Reply::status_text);
            let (expected, received) = (text(expected.as_ref()), text(received));
            return vec![Difference { part: "reply", section: "3.2", expected, received }];
        }
    };
    if exactness == Exactness::Bytes {
        return lines(expected, received);
    }
    let mut differences = Vec::new();
    status(expected, received, found, &mut differences);
    if !differences.is_empty() {
        return differences;
    }
    if expected.unrecorded > 0 {
        found.unrecorded += expected.unrecorded;
        return differences;
    }
    records::compare(expected, received, ports, &mut found.ignored, &mut differences);
    if let (Some(one), Some(other)) = (&expected.head, &received.head) {
        head(one, other, &mut found.ignored, &mut differences);
        body(&expected.body, &received.body, found, &mut differences);
    }
    differences
}

fn status(
    expected: &Reply,
    received: &Reply,
    found: &mut Comparison,
    differences: &mut Vec<Difference>,
) {
    let is_same = match (expected.status, received.status) {
        (None, None) => {
            let text = |reply: &Reply| reply.status_text().split_whitespace().collect::<String>();
            text(expected) == text(received)
        }
        (expected, received) => expected == received,
    };
    if !is_same {
        let (expected, received) = (expected.status_text(), received.status_text());
        differences.push(Difference { part: "status", section: "6.1", expected, received });
    } else if expected.reason != received.reason {
        found.ignored.insert(Ignored::Reason);
    }
}

fn head(
    expected: &DocumentHead,
    received: &DocumentHead,
    ignored: &mut AllIgnored,
    differences: &mut Vec<Difference>,
) {
    for (differs, what) in [
        (expected.date != received.date, Ignored::Date),
        (expected.os != received.os, Ignored::Os),
        (expected.last_modified != received.last_modified, Ignored::LastModified),
    ] {
        if differs {
            ignored.insert(what);
        }
    }
    let text = |value: Option<String>| value.unwrap_or_else(|| "none".into());
    let values = |head: &DocumentHead| {
        [
            head.content_type.as_ref().map(|value| value.as_str().to_ascii_lowercase()),
            head.content_range.map(|value| value.to_string()),
            head.digest.map(|value| value.to_string()),
        ]
    };
    let names = [("Content-Type", "5.2"), ("Content-Range", "5.6"), ("Digest", "5.5")];
    let pairs = values(expected).into_iter().zip(values(received));
    for ((part, section), (expected, received)) in names.into_iter().zip(pairs) {
        if expected != received {
            let (expected, received) = (text(expected), text(received));
            differences.push(Difference { part, section, expected, received });
        }
    }
}

fn body(
    expected: &Body,
    received: &Body,
    found: &mut Comparison,
    differences: &mut Vec<Difference>,
) {
    let mut differ = |part, expected, received| {
        differences.push(Difference { part, section: "5.3", expected, received });
    };
    if expected.length != received.length {
        let text = |body: &Body| counted(body.length, "byte");
        differ("length of the document", text(expected), text(received));
    }
    let known: u64 = expected.runs.iter().map(|(_, run)| run.len() as u64).sum();
    found.unrecorded += expected.length.saturating_sub(known);
    for (start, run) in &expected.runs {
        let end = received.length.saturating_sub(*start);
        let count = usize::try_from(end).unwrap_or(usize::MAX).min(run.len());
        let (Some(one), Some(other)) = (run.get(..count), received.at(*start, count)) else {
            continue;
        };
        if let Some(at) = one.iter().zip(other).position(|(one, other)| one != other) {
            let text = |bytes: &[u8]| {
                let excerpt = bytes.get(at..).unwrap_or_default();
                let excerpt = excerpt.get(..24).unwrap_or(excerpt);
                format!("from byte {}: {}", start + at as u64, String::from_utf8_lossy(excerpt))
            };
            differ("bytes of the document", text(one), text(other));
            return;
        }
    }
}

#[cfg(test)]
mod tests;
