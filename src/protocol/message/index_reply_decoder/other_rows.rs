//! Records of other programs that are no lines: in brackets, on several lines with the names of their fields,
//! or without a status line before them (protocol.md section 4.9).

use super::groups::{Group, is_empty, next_group, record_of_group};
use super::headers::is_header;
use super::odd_rows::{OddRows, RowsBegin, field_of_line};
use super::row_forms::{is_decoration, record_in_any_form};
use super::{Found, IndexReplyDecoder, Place, ReplyForm};
use crate::limits;
use crate::protocol::SyntaxError;
use crate::protocol::message::decode_error::DecodeError;
use crate::protocol::message::index_reply::ReplyPart;

impl IndexReplyDecoder {
    /// Reads what begins at the next byte, if it is no line; `None` if it is one.
    pub(super) fn next_other(&mut self, input: &[u8]) -> Result<Option<Found>, DecodeError> {
        if self.form != ReplyForm::Records {
            return Ok(None);
        }
        match self.place {
            Place::Start => Ok(self.begin_without_status(input)),
            Place::Found | Place::Records => self.next_group(input),
            Place::Refused | Place::Ended => Ok(None),
        }
    }

    /// Rows without a status line: the reply has begun. A greeting does not begin like them.
    fn begin_without_status(&mut self, input: &[u8]) -> Option<Found> {
        let skips_others = self.odd_rows == OddRows::Read { skips_others: true };
        if !skips_others || self.rows_begin == RowsBegin::WithStatus {
            return None;
        }
        match begins_with_rows(self.lines.rest(input)) {
            Some(false) => None,
            None => Some(Found::Incomplete),
            Some(true) => {
                self.begin_reply();
                (self.greeting_lines, self.rows_begin) = (0, RowsBegin::WithoutStatus);
                let (part, used) = self.part(ReplyPart::Found, Place::Found);
                Some(Found::Part(part, used))
            }
        }
    }

    fn next_group(&mut self, input: &[u8]) -> Result<Option<Found>, DecodeError> {
        loop {
            let rest = self.lines.rest(input);
            let is_end_line =
                || [&b"END\n"[..], b"END\r\n"].iter().any(|end| rest.starts_with(end));
            if !self.other.fields.is_empty()
                && is_end_line()
                && let Some((part, place)) = self.end_of_fields()
            {
                let (part, used) = self.part(part, place);
                return Ok(Some(Found::Part(part, used)));
            }
            if self.other.is_after_group && self.other.depth == 0 {
                // What follows on the line of a row means nothing.
                let blanks = rest.iter().take_while(|byte| b" \t\r,;".contains(byte)).count();
                match rest.get(blanks) {
                    None => return Ok(Some(Found::Incomplete)),
                    Some(b'\n') => self.lines.skip(blanks + 1),
                    Some(_) => self.lines.skip(blanks),
                }
                self.other.is_after_group = false;
                continue;
            }
            let first = rest.iter().find(|byte| !b" \t".contains(byte));
            if self.other.depth == 0 && !first.is_some_and(|byte| b"[({".contains(byte)) {
                return Ok(None);
            }
            self.follows_grammar = false;
            let was_open = self.other.depth > 0;
            let group = next_group(rest, self.other.depth);
            let length = match group {
                Group::Incomplete => rest.len(),
                Group::End(end) | Group::Row { end, .. } => end,
            };
            if length > limits::RECORD_LINE {
                let expected = format!("a row of at most {} bytes", limits::RECORD_LINE);
                let fault = SyntaxError::new(expected, "a longer one", "7");
                return Err(DecodeError::new(self.line + 1, fault));
            }
            match group {
                Group::Incomplete => return Ok(Some(Found::Incomplete)),
                Group::End(end) => {
                    self.lines.skip(end);
                    let (part, used) = self.part(ReplyPart::End, Place::Start);
                    return Ok(Some(Found::Part(part, used)));
                }
                Group::Row { begin, end, depth } => {
                    let row = rest.get(begin..end).unwrap_or_default();
                    let row = String::from_utf8_lossy(row);
                    self.lines.skip(end);
                    (self.other.depth, self.other.is_after_group) = (depth, true);
                    self.place = Place::Records;
                    match record_of_group(&row) {
                        Some(record) => {
                            self.count_record();
                            let (part, used) = self.part(ReplyPart::Record(record), Place::Records);
                            return Ok(Some(Found::Part(part, used)));
                        }
                        // An empty list.
                        None if is_empty(&row) && depth == 0 && !was_open => {
                            let (part, used) = self.part(ReplyPart::End, Place::Start);
                            return Ok(Some(Found::Part(part, used)));
                        }
                        None if is_empty(&row) => {}
                        None => self.skip_row(&row),
                    }
                    if self.lines.taken > limits::HEAD {
                        let expected = "a record within 16384 bytes of other rows";
                        let fault = SyntaxError::new(expected, "more of them", "7");
                        return Err(DecodeError::new(self.line + 1, fault));
                    }
                }
            }
        }
    }

    /// Reads a line that is a field of a record, or means nothing. `None`: it is another line.
    pub(super) fn take_named_field(&mut self, line: &str) -> Option<Option<(ReplyPart, Place)>> {
        let is_possible =
            matches!(self.place, Place::Found | Place::Records) && self.form == ReplyForm::Records;
        if !is_possible {
            return None;
        }
        if line.is_empty() && self.other.has_fields {
            // It ends a record, and not the reply: such a server may have one after each record.
            self.headers += 1;
            self.place = Place::Records;
            return Some(self.end_of_fields());
        }
        let is_line_of_record = self.records > 0 && !self.other.has_fields;
        if let Some((field, value)) = field_of_line(line)
            && !is_line_of_record
            && record_in_any_form(line).is_none()
        {
            self.headers += 1;
            self.follows_grammar = false;
            self.other.has_fields = true;
            self.place = Place::Records;
            let mut before = None;
            if !self.other.fields.set(field, value) {
                before = self.end_of_fields();
                self.other.fields.set(field, value);
            }
            let is_whole = before.is_none() && self.other.fields.are_all();
            return Some(if is_whole { self.end_of_fields() } else { before });
        }
        let is_head = matches!(self.place, Place::Found) && is_header(line);
        if is_head || is_decoration(line) {
            self.headers += 1;
            return Some(None);
        }
        None
    }

    /// A record on a line of its own follows. What has no number before it were headers.
    pub(super) fn leave_fields(&mut self) {
        if self.other.has_fields {
            let fields = std::mem::take(&mut self.other.fields);
            if fields.has_number() {
                self.skip_row(&fields.describe());
            }
            self.other.has_fields = false;
        }
    }

    /// The record of the fields so far. They are reported if they are none.
    pub(super) fn end_of_fields(&mut self) -> Option<(ReplyPart, Place)> {
        let fields = std::mem::take(&mut self.other.fields);
        if fields.is_empty() {
            return None;
        }
        let Some(record) = fields.record() else {
            self.skip_row(&fields.describe());
            return None;
        };
        self.count_record();
        Some((ReplyPart::Record(record), Place::Records))
    }

    fn count_record(&mut self) {
        self.records += 1;
        self.headers = 0;
    }
}

/// Whether rows begin here, and no status line and no greeting; `None` if that is not known yet.
fn begins_with_rows(input: &[u8]) -> Option<bool> {
    let mut rest = input.iter().copied();
    match rest.next()? {
        b'R' => {
            for expected in [b'F', b'C'] {
                if rest.next()? != expected {
                    return Some(false);
                }
            }
            let mut rest = rest.skip_while(|byte| b" :-#".contains(byte)).peekable();
            if !rest.peek()?.is_ascii_digit() {
                return Some(false);
            }
            let after = rest.find(|byte| !byte.is_ascii_digit())?;
            Some(b" |,;:\t<".contains(&after))
        }
        b'[' | b'(' | b'{' => {
            let next = rest.find(|byte| !b" \t\r\n".contains(byte))?;
            Some(next.is_ascii_digit() || b"[({\"'])}".contains(&next))
        }
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ReplyState;

    /// The records of each reply, the first row that is not used, and whether it is a fault. The bytes arrive
    /// in pieces of this size, and then silence.
    fn read(bytes: &str, step: usize) -> (Vec<Vec<String>>, Option<String>, bool) {
        let mut decoder = IndexReplyDecoder::after_greeting().with_odd_rows();
        let (mut input, mut replies, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for piece in bytes.as_bytes().chunks(step) {
            input.extend_from_slice(piece);
            loop {
                match decoder.decode(&input) {
                    Ok(Some((ReplyPart::End, used))) => {
                        input.drain(..used);
                        replies.push(std::mem::take(&mut records));
                    }
                    Ok(Some((part, used))) => {
                        input.drain(..used);
                        if let ReplyPart::Record(record) = part {
                            records.push(record.to_string());
                        }
                    }
                    Ok(None) => break,
                    Err(_) => return (replies, decoder.take_odd_row(), true),
                }
            }
        }
        if let ReplyState::Found { is_in_line: false, .. } = decoder.state(&input) {
            if let Some((ReplyPart::Record(record), used)) = decoder.last_record(&input) {
                input.drain(..used);
                records.push(record.to_string());
            }
            decoder.end_here(&input);
            replies.push(records);
        }
        (replies, decoder.take_odd_row(), false)
    }

    /// The same in pieces of every size.
    fn read_in_pieces(bytes: &str) -> (Vec<Vec<String>>, Option<String>, bool) {
        let whole = read(bytes, bytes.len());
        for step in 1..bytes.len() {
            assert_eq!(read(bytes, step), whole, "{bytes:?} in pieces of {step}");
        }
        whole
    }

    const OK: &str = "P2P-CI/1.0 200 OK\n";
    const SEVEN: &str = "RFC 7 A Title h 5";
    const EIGHT: &str = "RFC 8 B h 5";

    #[test]
    fn a_row_in_brackets_is_as_bounded_as_a_line() {
        for (length, is_fault) in [
            (limits::RECORD_LINE - 1, false),
            (limits::RECORD_LINE, false),
            (limits::RECORD_LINE + 1, true),
        ] {
            let row = format!("[7,{:>1$}", "\"T\", \"h\", 5]", length - "[7,".len());
            let reply = format!("{OK}{row}\n");
            for step in [1, 100, reply.len()] {
                let (replies, _, fault) = read(&reply, step);
                assert_eq!(
                    (replies.concat().len(), fault),
                    (usize::from(!is_fault), is_fault),
                    "{length}"
                );
            }
        }
    }

    #[test]
    fn records_of_several_lines_and_in_brackets() {
        for rows in [
            "Title: A Title\nRFC Number: 7\nHostname: h\nPort: 5\nTitle: B\nRFC Number: 8\nHostname: h\nPort: 5\n",
            "RFC Number: 7\nHost: h\nPort: 5\nTitle: A Title\n\nRFC Number: 8\nHost: h\nPort: 5\nTitle: B\n\n",
            "RFC: 7\nHost: h:5\nTitle: A Title\nRFC: 8\nHost: h:5\nTitle: B",
            "RFC | Title | Host | Port\n----\n7 | A Title | h | 5\n8 | B | h | 5\n",
            "[\"7\", \"A Title\", \"h\", 5]\n[\"8\", \"B\", \"h\", 5]\n",
            "[\"7\", \"A Title\", \"h\", 5], [\"8\", \"B\", \"h\", 5]",
            "[{\"rfc\": 7, \"title\": \"A Title\", \"host\": \"h\", \"port\": 5},\n {\"rfc\": 8, \"title\": \"B\", \"host\": \"h\", \"port\": 5}]\n",
            "[['7', 'A Title', 'h', '5'], ['8', 'B', 'h', '5']]",
            "['RFC 7 A Title h 5', 'RFC 8 B h 5']\n",
            "Date: today\nServer: x\n\nRFC 7 A Title h 5\nRFC 8 B h 5\n",
            "7: A Title h 5\n8: B h 5\n",
        ] {
            for begin in ["", "\n"] {
                if rows.starts_with("Date") && !begin.is_empty() {
                    continue;
                }
                let found = read_in_pieces(&format!("{OK}{begin}{rows}"));
                let records = vec![vec![SEVEN.to_string(), EIGHT.to_string()]];
                assert_eq!(found, (records, None, false), "{begin:?} {rows}");
            }
        }
        // The next status line and a line END end a reply, too.
        let fields = "RFC: 7\nHost: h\nPort: 5\n";
        let seven = vec!["RFC 7  h 5".to_string()];
        let found = read_in_pieces(&format!("{OK}{fields}{OK}{fields}END\n{OK}[]\n{OK}\n[]"));
        assert_eq!(found, (vec![seven.clone(), seven, vec![], vec![]], None, false));
    }

    #[test]
    fn rows_without_a_status_line() {
        for rows in
            ["RFC 7 A Title h 5\nRFC 8 B h 5\n", "[[7, 'A Title', 'h', 5], [8, 'B', 'h', 5]]"]
        {
            let (records, row, is_fault) = read_in_pieces(rows);
            assert_eq!(records, [[SEVEN, EIGHT]], "{rows}");
            assert_eq!((row, is_fault), (None, false), "{rows}");
        }
        assert_eq!(read_in_pieces("RFC 7 A Title h 5").0, [[SEVEN]]);
        for greeting in ["[server] hello\n", "RFC server 7734\n", "7734 ready h 1\n"] {
            let (records, row, _) = read_in_pieces(&format!("{greeting}{OK}{SEVEN}\n"));
            assert_eq!((records, row), (vec![vec![SEVEN.to_string()]], None), "{greeting:?}");
        }
    }

    #[test]
    fn rows_that_are_not_used_are_reported() {
        for (rows, reported) in [
            ("Title: A\nRFC Number: 7\nTitle: B\n", "number: 7, title: A"),
            ("Title: A\nRFC Number: 7\n", "number: 7, title: A"),
            ("RFC Number: 7\nRFC 8 B h 5\n", "number: 7"),
            ("['7', 'A', 'h']\n", "['7', 'A', 'h']"),
            ("{\"7\": [\"A\", \"h\", 5]}\n", "[\"A\", \"h\", 5]"),
            ("7|A|5678|80\n", "7|A|5678|80"),
        ] {
            let (records, row, is_fault) = read_in_pieces(&format!("{OK}{rows}"));
            assert!(records.iter().flatten().all(|record| record == EIGHT), "{rows}: {records:?}");
            assert_eq!((row.as_deref(), is_fault), (Some(reported), false), "{rows}");
        }
    }

    #[test]
    fn brackets_are_bounded() {
        for (begin, rows) in [("", "["), ("[\"", "x"), ("", "[7],")] {
            let rows = rows.repeat(9999);
            assert!(read(&format!("{OK}{begin}{rows}"), 512).2, "{begin}");
        }
        // A list of any length is read row by row.
        let list = format!("{OK}[{}]\n", vec!["[7, 'A Title', 'h', 5]"; 999].join(", "));
        assert_eq!(read(&list, 1000).0, [vec![SEVEN; 999]]);
    }
}
