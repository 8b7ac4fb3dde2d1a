//! A reply as values, recorded or received.

use crate::protocol::{Attribute, DocumentHead, HeaderText, Record, ReplyPart, Status};
use crate::transcript::Part;

/// A reply of an index server or an upload server, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(super) status: Option<Status>,
    pub(super) reason: Option<HeaderText>,
    pub(super) records: Vec<(Record, Vec<Attribute>)>,
    pub(super) head: Option<DocumentHead>,
    pub(super) body: Body,
    /// Bytes that are no part of a reply.
    pub(super) other: Vec<Vec<u8>>,
    /// The lines as they were sent.
    pub(super) lines: Vec<Vec<u8>>,
    /// Bytes of records that were not recorded.
    pub(super) unrecorded: u64,
}

/// The document of a reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(super) length: u64,
    /// The recorded bytes, and where each run of them begins.
    pub(super) runs: Vec<(u64, Vec<u8>)>,
}

impl Body {
    fn push(&mut self, mut bytes: Vec<u8>) {
        let begins = self.length;
        self.length = self.length.saturating_add(bytes.len() as u64);
        match self.runs.last_mut() {
            Some((start, run)) if start.saturating_add(run.len() as u64) == begins => {
                run.append(&mut bytes);
            }
            _ => self.runs.push((begins, bytes)),
        }
    }

    /// These bytes come before all others.
    fn begin_with(&mut self, first: Vec<u8>) {
        let added = first.len() as u64;
        self.length = self.length.saturating_add(added);
        for (start, _) in &mut self.runs {
            *start = start.saturating_add(added);
        }
        match self.runs.first_mut() {
            Some((start, run)) if *start == added => {
                *start = 0;
                run.splice(0..0, first);
            }
            _ => self.runs.insert(0, (0, first)),
        }
    }

    /// The bytes that were recorded at this place of the document.
    pub(super) fn at(&self, start: u64, count: usize) -> Option<&[u8]> {
        self.runs.iter().find_map(|(begins, run)| {
            let from = usize::try_from(start.checked_sub(*begins)?).ok()?;
            run.get(from..from.checked_add(count)?)
        })
    }
}

impl Reply {
    /// Adds a part. Requests and the end of a reply are none.
    pub(super) fn add(&mut self, part: Part) {
        match part {
            Part::Index(ReplyPart::Found) => self.status = Some(Status::Ok),
            Part::Index(ReplyPart::Refused(refusal)) => {
                self.status = Some(Status::Refused(refusal));
            }
            Part::Index(ReplyPart::Reason(text)) => self.reason = Some(text),
            Part::Index(ReplyPart::Record(record)) => self.records.push((record, Vec::new())),
            Part::Index(ReplyPart::Attribute(attribute)) => {
                if let Some((_, attributes)) = self.records.last_mut() {
                    attributes.push(attribute);
                }
            }
            Part::Head(head) => {
                let part = head.content_range.map(|_| Status::PartialContent);
                self.status = Some(part.unwrap_or(Status::Ok));
                self.head = Some(head);
            }
            Part::Body(bytes) => self.body.push(bytes),
            Part::BodyBegins(first) => self.body.begin_with(first),
            Part::Unrecorded(count) if self.head.is_some() => {
                self.body.length = self.body.length.saturating_add(count);
            }
            Part::Unrecorded(count) => self.unrecorded = self.unrecorded.saturating_add(count),
            Part::Other(bytes) => self.add_other(bytes),
            Part::Line(line) => self.lines.push(line),
            Part::Index(ReplyPart::End | ReplyPart::Cluster(_) | ReplyPart::ClusterServer(_))
            | Part::Request(_)
            | Part::End { .. } => {}
        }
    }

    /// A last line without its line end may be a record.
    fn add_other(&mut self, bytes: Vec<u8>) {
        let text = String::from_utf8_lossy(&bytes);
        match Record::parse(text.trim()) {
            Ok(record) if self.status == Some(Status::Ok) => {
                self.records.push((record, Vec::new()));
            }
            _ => self.other.push(bytes),
        }
    }

    /// The status, or what was received instead of one.
    pub(super) fn status_text(&self) -> String {
        match self.status {
            Some(status) => format!("{} {}", status.code(), status.phrase()),
            None => match self.other.first() {
                Some(bytes) => format!("no reply: {}", String::from_utf8_lossy(bytes).trim()),
                None => "no status line".into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_the_bytes_that_were_recorded() {
        let mut body = Body::default();
        body.push(b"ab".to_vec());
        body.push(b"cd".to_vec());
        body.length += 3;
        body.push(b"hi".to_vec());
        assert_eq!(body.length, 9);
        assert_eq!(body.at(1, 3), Some(&b"bcd"[..]));
        assert_eq!(body.at(7, 2), Some(&b"hi"[..]));
        assert_eq!((body.at(3, 2), body.at(5, 1)), (None, None));
        body.begin_with(b"\r\n".to_vec());
        assert_eq!(body.at(0, 4), Some(&b"\r\nab"[..]));
        assert_eq!((body.at(9, 2), body.length), (Some(&b"hi"[..]), 11));
    }
}
