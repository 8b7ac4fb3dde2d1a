//! A record: a document and one of its holders (protocol.md section 4.5).

use std::fmt;

use super::version::starts_status_line;
use super::{Document, Endpoint, SyntaxError, Title};

/// One line of the index: a document, its title, and a holder.
///
/// ```text
/// record = document SP title SP host SP port
/// ```
///
/// The title is free text, so a record is read from both ends: the document is at the beginning,
/// and the last two words are host and port.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Record {
    /// The document.
    pub document: Document,
    /// Its title; may be empty.
    pub title: Title,
    /// The upload server that has it.
    pub holder: Endpoint,
}

impl Record {
    /// The approximate number of bytes that the record takes in memory, in a list that is sorted.
    pub fn kept_bytes(&self) -> usize {
        /// The counts of the title, and what the allocator adds.
        const TITLE: usize = 32;
        let Self { document, title, holder } = self;
        let name = document.name_bytes();
        2 * size_of::<Self>() + name + TITLE + title.as_str().len() + holder.host.as_str().len()
    }

    /// Reads a line without its line end.
    ///
    /// Other programs omit `RFC`, or write `RFC-7777` or `RFC: 7777`. All these forms are accepted.
    ///
    /// # Errors
    /// When the line is not a record.
    pub fn parse(line: &str) -> Result<Self, SyntaxError> {
        let malformed =
            || SyntaxError::at("a record such as `RFC 123 A Title host.example 5678`", line, "4.5");
        let line = line.trim_matches([' ', '\t']);
        if starts_status_line(line.as_bytes()) {
            return Err(malformed());
        }
        let (rest, port) = line.rsplit_once(' ').ok_or_else(malformed)?;
        let (rest, host) = rest.trim_end_matches(' ').rsplit_once(' ').ok_or_else(malformed)?;
        let (kind, rest) = match rest.strip_prefix("FILE ") {
            Some(rest) => ("FILE", rest),
            None => ("RFC", rest.strip_prefix("RFC").unwrap_or(rest)),
        };
        let rest = rest.trim_start_matches(if kind == "RFC" { [' ', ':', '-'] } else { [' '; 3] });
        let (name, title) = rest.split_once(' ').unwrap_or((rest, ""));
        Ok(Self {
            document: Document::from_words(kind, name)?,
            title: title.parse()?,
            holder: Endpoint { host: host.parse()?, port: port.parse()? },
        })
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

/// A record with borrowed parts, from which an index writes.
#[derive(Clone, Copy, Debug)]
pub struct BorrowedRecord<'a> {
    /// The document.
    pub document: &'a Document,
    /// Its title.
    pub title: &'a Title,
    /// The upload server that has it.
    pub holder: &'a Endpoint,
}

impl Record {
    /// The same record, borrowed.
    pub fn borrowed(&self) -> BorrowedRecord<'_> {
        BorrowedRecord { document: &self.document, title: &self.title, holder: &self.holder }
    }
}

impl fmt::Display for BorrowedRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { document, title, holder } = self;
        write!(f, "{} {title} {} {}", document.wire(), holder.host, holder.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_are_written() {
        for line in [
            "RFC 123 A Proferred Official ICP thishost.csc.ncsu.edu 5678",
            "RFC 1  h 1",
            "RFC 1 RFC 2 h 1 h 1",
            "RFC 999999999 x ::1 65535",
            "FILE a%20b.pdf Lecture  One h 1",
            "FILE RFC  h 1",
        ] {
            let record = Record::parse(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
            assert_eq!(record.to_string(), line);
        }
    }

    #[test]
    fn records_of_other_programs() {
        let ours = Record::parse("RFC 7777 A Title h 1");
        for line in [
            "7777 A Title h 1",
            "RFC-7777 A Title h 1",
            "RFC: 7777 A Title h 1",
            "RFC 7777 A Title h 1 ",
        ] {
            assert_eq!(Record::parse(line), ours, "{line:?}");
        }
        assert_eq!(Record::parse("RFC 1 h 1"), Record::parse("RFC 1  h 1"));
    }

    #[test]
    fn lines_that_are_no_record() {
        for line in [
            "",
            "RFC",
            "RFC 1",
            "RFC 1 h",
            "RFC x T h 1",
            "RFC 1 T h 0",
            "RFC 1 T h 1 2 x",
            "FILE .. T h 1",
        ] {
            assert!(Record::parse(line).is_err(), "{line:?}");
        }
    }
}
