//! Rows of index servers of other programs that are no records of the grammar (protocol.md section 4.9).
//!
//! They are read only from a server that has shown no extension. An attribute after such a row would belong
//! to another record, so it is a fault.

use super::odd_rows::OddRows;
use super::row_forms::{begins_row, record_in_any_form};
use super::{IndexReplyDecoder, Place, ReplyForm};
use crate::protocol::{Record, SyntaxError};

impl IndexReplyDecoder {
    /// The same for a server that may be another program: it reads odd rows.
    #[must_use]
    pub fn with_odd_rows(self) -> Self {
        Self { odd_rows: OddRows::Read { skips_others: true }, ..self }
    }

    /// The same, but a row without a host or a port is a fault.
    #[must_use]
    pub(crate) fn with_rows_in_other_forms(self) -> Self {
        Self { odd_rows: OddRows::Read { skips_others: false }, ..self }
    }

    /// The first row that was skipped because it is no record; once.
    pub fn take_odd_row(&mut self) -> Option<String> {
        self.odd_row.take()
    }

    /// Whether a row had a carriage return within its line: the server keeps those of requests.
    pub fn has_inner_returns(&self) -> bool {
        self.has_inner_returns
    }

    /// Whether a row of the present or last reply was skipped.
    pub fn has_skipped_rows(&self) -> bool {
        self.has_skipped
    }

    /// Reads a line in the place of a record; `None` if it is a row that is skipped.
    ///
    /// The grammar allows any host. An index server that follows it lists what a peer has sent, so a host that
    /// is neither a name nor an address is no sign of another form after the empty line that the grammar demands.
    pub(super) fn read_row(&mut self, line: &str) -> Result<Option<Record>, SyntaxError> {
        if !self.reads_odd_rows() {
            return Record::parse(line).map(Some);
        }
        let parsed = Record::parse(line);
        let record = record_in_any_form(line)
            .or_else(|| parsed.as_ref().ok().filter(|_| self.follows_grammar).cloned());
        if let Some(record) = record {
            self.leave_fields();
            return Ok(Some(record));
        }
        let expected = "a record such as `RFC 123 A Title host.example 5678`";
        let fault = parsed.err().unwrap_or_else(|| SyntaxError::at(expected, line, "4.5"));
        let skips = self.odd_rows == OddRows::Read { skips_others: true };
        if !skips || !begins_row(line) {
            return Err(fault);
        }
        self.skip_row(line);
        Ok(None)
    }

    /// Whether the empty line that was just read separates two rows: another row has arrived after it. A reply whose
    /// empty line is the last that has arrived ends with it, without waiting.
    pub(super) fn is_between_rows(&self, input: &[u8]) -> bool {
        let is_after_row = matches!(self.place, Place::Records) && self.has_record;
        let rest = self.lines.rest(input).trim_ascii_start();
        if !is_after_row || !self.reads_odd_rows() || self.form != ReplyForm::Records {
            return false;
        }
        let mut lines = rest.splitn(2, |&byte| byte == b'\n');
        let line = lines.next().unwrap_or_default();
        let is_whole = lines.next().is_some();
        let text = std::str::from_utf8(line.trim_ascii_end()).unwrap_or_default();
        // The beginning of a row; the rest of it is on the way.
        let begins = rest.starts_with(b"RFC") || (!rest.is_empty() && b"RFC".starts_with(rest));
        if is_whole { record_in_any_form(text).is_some() } else { begins }
    }

    /// Whether rows that are no records of the grammar are read now.
    pub(super) fn reads_odd_rows(&self) -> bool {
        self.odd_rows.are_read() && !self.shows_attributes
    }

    /// Records that a row is not used.
    pub(super) fn skip_row(&mut self, row: &str) {
        self.has_skipped = true;
        self.odd_row.get_or_insert_with(|| row.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ReplyPart;

    /// The records, the skipped row, and the message of the fault.
    fn read(decoder: IndexReplyDecoder, rows: &str) -> (Vec<String>, Option<String>, String) {
        let mut decoder = decoder;
        decoder.expect(ReplyForm::Records);
        let reply = format!("P2P-CI/1.0 200 OK\r\n\r\n{rows}\r\n");
        let (mut input, mut records) = (reply.as_bytes(), Vec::new());
        loop {
            match decoder.decode(input) {
                Ok(Some((ReplyPart::End, _)) | None) => {
                    return (records, decoder.take_odd_row(), String::new());
                }
                Ok(Some((part, used))) => {
                    if let ReplyPart::Record(record) = part {
                        records.push(record.to_string());
                    }
                    input = &input[used..];
                }
                Err(fault) => return (records, decoder.take_odd_row(), fault.to_string()),
            }
        }
    }

    const ROW: &str = "RFC 1 T h 1\r\n";

    #[test]
    fn rows_of_other_programs() {
        let odd = || IndexReplyDecoder::after_greeting().with_odd_rows();
        for (row, record) in [
            (
                "1<sp>Host Software<sp>127.0.0.1<sp>46048<sp>5101",
                "RFC 1 Host Software 127.0.0.1 5101",
            ),
            ("RFC 2<sp>A<sp>h<sp>5", "RFC 2 A h 5"),
            ("RFC 3 A\r h\r 5\r", "RFC 3 A h 5"),
            ("RFC-7 A h 5", "RFC 7 A h 5"),
            ("RFC: 7 A h 5", "RFC 7 A h 5"),
            ("7 A h 5", "RFC 7 A h 5"),
            ("RFC 0951 A h 5", "RFC 951 A h 5"),
            ("0007 A h 5", "RFC 7 A h 5"),
            ("RFC 7\tA Title\th\t5", "RFC 7 A Title h 5"),
            ("007\tA\th\t5", "RFC 7 A h 5"),
        ] {
            let found = read(odd(), &format!("{row}\r\n{ROW}"));
            assert_eq!(found, (vec![record.into(), ROW.trim_end().into()], None, String::new()));
        }
        for row in [
            "RFC 1",
            "RFC 7 A Title",
            "RFC 000 h 5",
            "RFC 7 A Title h",
            "7 A Title h 0",
            "RFC 7 a\rb 80",
            "1<sp>A<sp>h<sp>x<sp>5",
            "1<sp>A<sp>h b<sp>c",
        ] {
            let (records, skipped, fault) = read(odd(), &format!("{row}\r\n{ROW}"));
            assert_eq!((records.len(), fault.as_str()), (1, ""), "{row}");
            assert_eq!(skipped.as_deref(), Some(row));
        }
        for row in ["Error", "RFC x", "RFCs 1", "<html>", "FILE x T h"] {
            let (records, _, fault) = read(odd(), &format!("{row}\r\n{ROW}"));
            assert!(records.is_empty() && !fault.is_empty(), "{row}");
        }
    }

    #[test]
    fn empty_lines_between_rows() {
        let odd = || IndexReplyDecoder::after_greeting().with_odd_rows();
        for separator in ["\r\n", "\r\n\r\n", "\n"] {
            for row in ["RFC 2 B h 2\r\n", "RFC-2 B h 2\r\n", "2 B h 2\r\n"] {
                let (records, skipped, fault) = read(odd(), &format!("{ROW}{separator}{row}"));
                assert_eq!(records, ["RFC 1 T h 1", "RFC 2 B h 2"], "{separator:?} {row:?}");
                assert_eq!((skipped, fault.as_str()), (None, ""));
            }
        }
        // Surplus bytes of another kind, and a server that has shown an extension.
        for rows in
            ["RFC 1 T h 1\r\n\r\nHello\r\n", "RFC 1 T h 1\r\nLength: 1\r\n\r\nRFC 2 B h 2\r\n"]
        {
            assert_eq!(read(odd(), rows).0, ["RFC 1 T h 1"], "{rows:?}");
        }
    }

    #[test]
    fn any_host_after_the_empty_line_of_the_grammar() {
        let odd = || IndexReplyDecoder::after_greeting().with_odd_rows();
        for row in ["RFC 7 A 127.1 5", "RFC 7 A | | 5", "RFC 7 A h=5 5", "FILE x A [::1] 5"] {
            let attribute = "Length: 1\r\n";
            let found = read(odd(), &format!("{row}\r\n{attribute}{ROW}"));
            assert_eq!(found, (vec![row.into(), ROW.trim_end().into()], None, String::new()));
            // Without that line, a field of another form may be where the grammar has the host.
            let mut decoder = odd();
            decoder.expect(ReplyForm::Records);
            let reply = format!("P2P-CI/1.0 200 OK\r\n{row}\r\n");
            assert_eq!(decoder.decode(reply.as_bytes()), Ok(Some((ReplyPart::Found, 19))));
            let rest = decoder.decode(&reply.as_bytes()[19..]);
            assert!(matches!(rest, Ok(None) | Err(_)), "{row}: {rest:?}");
        }
    }

    #[test]
    fn nothing_odd_where_an_extension_is_shown() {
        let strict = IndexReplyDecoder::default;
        let odd = || IndexReplyDecoder::after_greeting().with_odd_rows();
        let attribute = "Length: 1\r\n";
        for (decoder, rows) in [
            (strict(), "RFC 7 A Title\r\n".to_string()),
            (strict(), "1<sp>A<sp>h<sp>5\r\n".into()),
            // An attribute of the skipped row would belong to the record before it.
            (odd(), format!("{ROW}RFC 7 A Title\r\n{attribute}")),
            (odd(), format!("{ROW}{attribute}RFC 7 A Title\r\n")),
            (odd(), format!("RFC 7 A Title\r\n{ROW}{attribute}")),
        ] {
            let (_, _, fault) = read(decoder, &rows);
            assert!(!fault.is_empty(), "{rows:?}");
        }
    }
}
