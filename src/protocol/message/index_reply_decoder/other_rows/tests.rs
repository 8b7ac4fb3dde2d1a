//! Records in the notation of programming languages, and of several lines (protocol.md section 4.9).

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
        if let Some((ReplyPart::Record(record), used)) = decoder.last_line(&input) {
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

/// Brackets that are no row may be the last of a reply.
#[test]
fn a_status_line_after_brackets_begins_a_reply() {
    for brackets in ["{x\n)", "[1]\n", "[1] ,"] {
        let bytes = format!("{OK}{SEVEN}\n{brackets}{OK}{EIGHT}\n");
        let (replies, _, is_fault) = read_in_pieces(&bytes);
        assert_eq!((replies.len(), is_fault), (2, false), "{brackets:?}: {replies:?}");
    }
}

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
    for rows in ["RFC 7 A Title h 5\nRFC 8 B h 5\n", "[[7, 'A Title', 'h', 5], [8, 'B', 'h', 5]]"] {
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
