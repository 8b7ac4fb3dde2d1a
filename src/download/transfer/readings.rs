//! Compares the possible readings of a reply of another program with the digest that the document must have
//! (protocol.md section 5.4).

use std::io;

use super::body::Body;
use super::ending::Ending;
use super::reshaping::digest_of;
use crate::net::SMALL;
use crate::protocol::role::DocumentMeaning;
use crate::protocol::{BEGINNING, Digest, is_padding};

/// Readings of a reply that are compared with a digest: beginnings, and line ends after it.
const MOST_FRONTS: usize = 4;
const MOST_LINE_ENDS: usize = 8;

impl Body<'_> {
    /// The reading of a reply of another program that has the digest that the document must have, if the
    /// bytes themselves are no complete document or have another one.
    pub(super) fn with_digest(
        &mut self,
        found: Digest,
        ending: &Ending<'_>,
    ) -> io::Result<Option<Vec<u8>>> {
        let Some(required) = ending.required.filter(|_| ending.bounds.may_deviate()) else {
            return Ok(None);
        };
        let is_whole = matches!(ending.end, Some(DocumentMeaning::End(_)));
        let is_plain = is_whole && ending.surplus.is_empty() && found == required;
        if is_plain || ending.end.is_none() || self.received > SMALL {
            return Ok(None);
        }
        let bytes = self.bytes(usize::MAX)?;
        let end = bytes.len();
        let all = [&bytes, ending.surplus].concat();
        let beginning = all.get(..all.len().min(BEGINNING)).unwrap_or_default();
        let mut starts = ending.bounds.marks(beginning);
        if let Some(padding) = ending.bounds.probable_padding(beginning) {
            starts.extend([padding, ending.surplus.len().min(padding)]);
        }
        starts.insert(0, 0);
        let mut ends = vec![end, all.len()];
        ends.extend(starts.iter().map(|mark| end + mark));
        ends.extend(ends_before_padding(&all));
        ends.retain(|end| *end <= all.len());
        ends.sort_unstable();
        ends.dedup();
        let fronts = std::iter::once(&b""[..]).chain(ending.bounds.fronts());
        for front in fronts.take(MOST_FRONTS) {
            for (start, end) in
                starts.iter().flat_map(|start| ends.iter().map(move |end| (start, end)))
            {
                let Some(part) = all.get(*start..*end) else { continue };
                let document = [front, part].concat();
                if digest_of(&document) == required {
                    return Ok(Some(document));
                }
            }
        }
        Ok(None)
    }
}

/// The places before which a document may end that is followed by line ends or other padding.
fn ends_before_padding(all: &[u8]) -> impl Iterator<Item = usize> {
    let mut padding = all.iter().rev().take_while(|byte| is_padding(&[**byte])).count();
    // A document ends after a line end, or where the padding begins.
    std::iter::from_fn(move || {
        let before = all.len().checked_sub(padding).filter(|_| padding > 0)?;
        let rest = all.get(before..).unwrap_or_default();
        let line = rest.iter().position(|&byte| byte == b'\n').map_or(padding, |at| at + 1);
        padding -= line;
        Some(before)
    })
    .take(MOST_LINE_ENDS)
}
