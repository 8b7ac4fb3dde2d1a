//! Rows that are values in brackets, as JSON and Python write them (protocol.md section 4.9).
//!
//! Nothing is built of a whole text: the innermost brackets are found one by one, so that a list of any length
//! is read in the memory of one row.

use super::fields::{Field, Fields};
use super::row_forms::{record_in_any_form, record_of_fields};
use crate::protocol::Record;

/// What the bytes at the start of a text are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Group {
    /// Innermost brackets, or a text that is an element: its bounds. That many brackets are open after it.
    Row { begin: usize, end: usize, depth: usize },
    /// The end of the outermost brackets, behind the last byte of them.
    End(usize),
    /// More bytes are needed.
    Incomplete,
}

/// Finds the next row, within this number of open brackets.
pub(super) fn next_group(input: &[u8], depth: usize) -> Group {
    let (mut depth, mut begin, mut quote) = (depth, None, None::<(u8, usize)>);
    let (mut last, mut is_escaped) = (b',', false);
    for (at, &byte) in input.iter().enumerate() {
        if let Some((mark, from)) = quote {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                _ if byte == mark => {
                    // Not the value of a field.
                    let is_element = begin.is_none() || b"[(".contains(&last);
                    (quote, last) = (None, byte);
                    let text = input.get(from + 1..at).unwrap_or_default();
                    if is_element && is_row(text) {
                        return Group::Row { begin: from, end: at + 1, depth };
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' | b'\'' if b"[({,:".contains(&last) => quote = Some((byte, at)),
            b'[' | b'(' | b'{' if b"[({,:".contains(&last) => {
                depth += 1;
                (begin, last) = (Some(at), byte);
            }
            b']' | b')' | b'}' if depth > 0 => {
                depth -= 1;
                if let Some(begin) = begin {
                    return Group::Row { begin, end: at + 1, depth };
                }
                if depth == 0 {
                    return Group::End(at + 1);
                }
                last = byte;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => last = byte,
        }
    }
    Group::Incomplete
}

/// Whether a text within quotes is a record by itself.
fn is_row(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).ok().filter(|text| text.starts_with("RFC"));
    text.is_some_and(|text| Record::parse(text).is_ok())
}

/// Whether brackets are without content.
pub(super) fn is_empty(group: &str) -> bool {
    group.trim_matches(|c: char| c.is_whitespace() || "[](){}".contains(c)).is_empty()
}

/// The record that a row means.
pub(super) fn record_of_group(group: &str) -> Option<Record> {
    let mut characters = group.chars();
    let (first, last) = (characters.next()?, characters.next_back()?);
    let inner = characters.as_str();
    if first == last {
        return Record::parse(inner).ok();
    }
    if let Some(values) = values(inner, ',') {
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        // The order of a set means nothing.
        return if first == '{' { None } else { record_of_fields(&values, ", ") };
    }
    if let Some(values) = values(inner, ':') {
        let mut fields = Fields::default();
        for pair in values.chunks(2) {
            let [name, value] = pair else { return None };
            if let Some(field) = Field::named(name)
                && !fields.set(field, value)
            {
                return None;
            }
        }
        return fields.record();
    }
    record_in_any_form(inner)
}

/// The values of a list, or the names and values of a dictionary, if that is all there is: with `:` the
/// values have a colon and a comma in turn between them.
fn values(text: &str, mark: char) -> Option<Vec<String>> {
    let (mut values, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let value;
        (value, rest) = one_value(rest)?;
        values.push(value);
        let expected = if mark == ':' && values.len() % 2 == 1 { ':' } else { ',' };
        rest = rest.trim_start();
        match rest.strip_prefix(expected) {
            Some(next) => rest = next.trim_start(),
            None if rest.is_empty() => {}
            None => return None,
        }
    }
    Some(values)
}

/// A string in quotes, or a number, at the start of a text; and the rest.
fn one_value(text: &str) -> Option<(String, &str)> {
    let quoted = text.strip_prefix(['u', 'b']).filter(|rest| rest.starts_with(['"', '\'']));
    let text = quoted.unwrap_or(text);
    let Some(mark) = text.chars().next().filter(|c| "\"'".contains(*c)) else {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        let is_word = matches!(word, "null" | "None" | "true" | "True" | "false" | "False");
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        return (is_word || is_number).then(|| (word.to_string(), rest));
    };
    let (mut value, mut characters) = (String::new(), text.get(1..)?.chars());
    loop {
        match characters.next()? {
            '\\' => match characters.next()? {
                'n' | 'r' | 't' => value.push(' '),
                'u' => {
                    let digits = characters.as_str().get(..4)?;
                    value.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    characters = characters.as_str().get(4..)?.chars();
                }
                // Two digits follow, of a character that no field has.
                'x' => return None,
                other => value.push(other),
            },
            c if c == mark => return Some((value, characters.as_str())),
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a text, and whether its outermost brackets have ended.
    fn read(text: &str) -> (Vec<Option<String>>, bool) {
        let (mut rest, mut depth, mut found) = (text, 0, Vec::new());
        loop {
            match next_group(rest.as_bytes(), depth) {
                Group::Row { begin, end, depth: open } => {
                    let record = record_of_group(rest.get(begin..end).unwrap());
                    found.push(record.map(|record| record.to_string()));
                    (rest, depth) = (rest.get(end..).unwrap(), open);
                }
                Group::End(_) => return (found, true),
                Group::Incomplete => return (found, false),
            }
        }
    }

    #[test]
    fn rows_in_brackets() {
        let row = Some("RFC 7 A Title h 5".to_string());
        for (text, is_ended) in [
            ("['7', 'A Title', 'h', '5']", false),
            ("[7, \"A Title\", \"h\", 5]", false),
            ("('RFC 7', 'A Title', 'h', 5)", false),
            ("{'RFC': 7, 'Title': 'A Title', 'Host': 'h', 'Port': 5, 'x': None}", false),
            ("[{\"rfc\":7,\"title\":\"A Title\",\"host\":\"h\",\"port\":5}]", true),
            (
                "{\"records\": [\n {\"number\": \"7\", \"title\": \"A Title\", \"hostname\": \"h\", \"port\": \"5\"}\n]}\n",
                true,
            ),
            ("[['7', 'A Title', 'h', '5']]", true),
            ("['RFC 7 A Title h 5']", true),
            ("[u'7', u'A Title', u'h', u'5']", false),
            ("{rfc=7, title=A Title, host=h, port=5}", false),
            ("[7, A Title, h, 5]", false),
        ] {
            assert_eq!(read(text), (vec![row.clone()], is_ended), "{text}");
        }
        let it = |text: &str| read(text).0;
        assert_eq!(
            it("[\"7\", \"It's [1], 'h'\", \"h\", 5]"),
            [Some("RFC 7 It's [1], 'h' h 5".into())]
        );
        assert_eq!(it("['7', 'It\\'s', 'h', '5']"), [Some("RFC 7 It's h 5".into())]);
        assert_eq!(it("[\"7\", \"\\u00e4\", \"h\", 5]"), [Some("RFC 7 ä h 5".into())]);
        assert_eq!(
            it("{'title': 'RFC 1 is on h 80', 'rfc': 7, 'ip': 'h', 'port': 5}"),
            [Some("RFC 7 RFC 1 is on h 80 h 5".into())]
        );
        for text in [
            "['7', 'A', 'h']",
            "{'7': 'A'}",
            "{'7', 'A', 'h', '5'}",
            "['7', 'A', 'h', '0']",
            "[[[[",
            "{\"a\":",
            "['",
        ] {
            assert!(it(text).iter().all(Option::is_none), "{text}");
        }
    }
}
