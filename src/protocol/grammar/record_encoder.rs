//! Writing the lines of records (protocol.md section 4.5): one by one, or many with equal parts.
//! `record` reads them.

use std::io::Write;
use std::ptr;

use super::{BorrowedRecord, Document, Endpoint, Title};

/// Appends one record of a reply.
pub fn encode_record(record: BorrowedRecord<'_>, out: &mut Vec<u8>) {
    encode_beginning(record.document, record.title, out);
    encode_end(record.holder, out);
}

/// Appends the records of a reply, one after the other.
///
/// An index server spends most of its time here. So each line is copied in two pieces that were
/// formatted once: the beginning for all holders of a document, the end for all documents of a
/// holder.
#[derive(Debug)]
pub struct RecordEncoder<'a> {
    /// The document and the title of the last record, and the positions of its line and of its
    /// holder.
    last: Option<(&'a Document, &'a Title, usize, usize)>,
    /// The beginning of the last line, and room for an end.
    line: [u8; BEGINNING + END],
}

/// Bytes of the fixed-size buffers for the beginning and the end of a line, which suffice for most
/// lines. Copying a fixed size and truncating takes a few instructions; copying a variable size is
/// a call.
const BEGINNING: usize = 96;
const END: usize = 32;

impl Default for RecordEncoder<'_> {
    fn default() -> Self {
        Self { last: None, line: [0; BEGINNING + END] }
    }
}

impl<'a> RecordEncoder<'a> {
    /// Appends one record; `end` is that of its holder. What was appended before must still be in
    /// `out`.
    #[inline]
    #[expect(
        clippy::indexing_slicing,
        reason = "`here + END` is within what was just appended, and an end's count is at most END"
    )]
    pub fn encode(
        &mut self,
        document: &'a Document,
        title: &'a Title,
        end: &RecordEnd,
        out: &mut Vec<u8>,
    ) {
        match self.last {
            // Identity is cheap to check; an equal document at another address is encoded again.
            Some((of, called, from, to)) if ptr::eq(of, document) && ptr::eq(called, title) => {
                if to - from <= BEGINNING {
                    // The length of `out` changes only twice, because each change depends on the
                    // one before.
                    let here = out.len() + to - from;
                    out.extend_from_slice(&self.line);
                    out[here..here + END].copy_from_slice(&end.first);
                    out.truncate(here + end.count);
                } else {
                    out.extend_from_within(from..to);
                    out.extend_from_slice(&end.first[..end.count]);
                }
            }
            _ => {
                self.begin(document, title, out);
                out.extend_from_slice(&end.first[..end.count]);
            }
        }
        if !end.rest.is_empty() {
            out.extend_from_slice(&end.rest);
        }
    }

    /// Writes the beginning of a line, and remembers it.
    #[cold]
    #[expect(
        clippy::indexing_slicing,
        reason = "`few` is at most what was appended, and BEGINNING"
    )]
    fn begin(&mut self, document: &'a Document, title: &'a Title, out: &mut Vec<u8>) {
        let here = out.len();
        encode_beginning(document, title, out);
        self.last = Some((document, title, here, out.len()));
        let few = (out.len() - here).min(BEGINNING);
        self.line[..few].copy_from_slice(&out[here..here + few]);
    }
}

/// The end of a record's line, which is the same for all documents of a holder.
#[derive(Clone, Debug)]
pub struct RecordEnd {
    first: [u8; END],
    /// The number of used bytes in `first`.
    count: usize,
    rest: Box<[u8]>,
}

impl RecordEnd {
    /// The end of the lines of this holder.
    #[expect(clippy::indexing_slicing, reason = "`count` is at most END, and what there is")]
    pub fn of(holder: &Endpoint) -> Self {
        let mut bytes = Vec::with_capacity(2 * END);
        encode_end(holder, &mut bytes);
        let count = bytes.len().min(END);
        let mut first = [0; END];
        first[..count].copy_from_slice(&bytes[..count]);
        Self { first, count, rest: bytes[count..].into() }
    }
}

fn encode_beginning(document: &Document, title: &Title, out: &mut Vec<u8>) {
    encode_document(document, out);
    out.push(b' ');
    out.extend_from_slice(title.as_str().as_bytes());
    out.push(b' ');
}

fn encode_end(holder: &Endpoint, out: &mut Vec<u8>) {
    out.extend_from_slice(holder.host.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(itoa::Buffer::new().format(holder.port.value()).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn encode_document(document: &Document, out: &mut Vec<u8>) {
    match document {
        Document::Rfc(number) => {
            out.extend_from_slice(b"RFC ");
            out.extend_from_slice(itoa::Buffer::new().format(number.value()).as_bytes());
        }
        Document::File(_) => {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{}", document.wire());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_any_length_are_written_as_they_are_read() {
        let lengths = [0, 1, END - 8, END - 1, END, END + 1, BEGINNING - 10, BEGINNING, 200];
        for length in lengths {
            let title: Title = "t".repeat(length).parse().unwrap();
            let document = "793".parse().map(Document::Rfc).unwrap();
            let mut encoder = RecordEncoder::default();
            let mut out = Vec::new();
            let mut expected = String::new();
            for host in lengths.map(|length| "h".repeat(length.max(1))) {
                let holder = Endpoint { host: host.parse().unwrap(), port: "80".parse().unwrap() };
                encoder.encode(&document, &title, &RecordEnd::of(&holder), &mut out);
                let record = BorrowedRecord { document: &document, title: &title, holder: &holder };
                expected += &format!("{record}\r\n");
            }
            assert_eq!(String::from_utf8(out).unwrap(), expected, "a title of {length} bytes");
        }
    }
}
