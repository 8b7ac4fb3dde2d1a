//! Compares replies line by line and byte by byte.

use super::difference::Difference;
use super::reply::Reply;
use crate::counted::counted;

/// Differences that are listed for one reply.
const MOST: usize = 100;

/// The lines that differ, and the first byte of the document that does.
pub(super) fn lines(expected: &Reply, received: &Reply) -> Vec<Difference> {
    let mut differences = Vec::new();
    let count = expected.lines.len().max(received.lines.len());
    for at in 0..count {
        let text = |lines: &[Vec<u8>]| match lines.get(at) {
            Some(line) => line.escape_ascii().to_string(),
            None => "no line".into(),
        };
        let (one, other) = (text(&expected.lines), text(&received.lines));
        if one != other && differences.len() < MOST {
            let (part, section) = ("line", "3.2");
            differences.push(Difference { part, section, expected: one, received: other });
        }
    }
    let (one, other) = (&expected.body, &received.body);
    if one.length != other.length || one.runs != other.runs {
        let text = |length: u64| counted(length, "byte");
        let (expected, received) = match one.length == other.length {
            true => ("the recorded bytes".into(), "other bytes".into()),
            false => (text(one.length), text(other.length)),
        };
        differences.push(Difference { part: "document", section: "5.3", expected, received });
    }
    differences
}
