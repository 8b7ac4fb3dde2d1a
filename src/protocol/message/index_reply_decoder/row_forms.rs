//! One line that is a record in a form of another program (protocol.md section 4.9).
//!
//! A line is read only if exactly one record can be meant: the forms are tried one by one, and two different
//! results are none.

use super::fields::{Field, Fields, is_plausible_host, number, record_of, split_port};
use crate::protocol::Record;

/// What some programs write between the fields of a row.
const MARKS: [&str; 6] = ["<sp>", "|", ";", ",", ":", " - "];

/// The characters between fields of a record.
const SEPARATORS: [char; 4] = ['|', ';', ',', '\t'];

/// The record that a line means, in the grammar or in another form.
pub(super) fn record_in_any_form(line: &str) -> Option<Record> {
    let record = Record::parse(line).ok().filter(|record| is_plausible_host(&record.holder.host));
    record.or_else(|| record_in_other_form(line))
}

/// A record with marks, tabs or carriage returns between its fields, with named fields, or with zeros before
/// its number. Nothing else is removed, so that no two fields become one.
fn record_in_other_form(line: &str) -> Option<Record> {
    if line.contains('\r') {
        let line = line.replace("\r ", " ");
        return Record::parse(line.trim_end_matches('\r')).ok();
    }
    if let Some(record) = named_fields(line) {
        return Some(record);
    }
    let line = line.trim_matches(|c: char| c == ' ' || SEPARATORS.contains(&c));
    let marked = MARKS.iter().filter_map(|mark| marked_fields(line, mark));
    let others = [words(line), endpoint_in_parentheses(line), endpoint_first(line)];
    let mut records = others.into_iter().flatten().chain(marked);
    let record = records.next()?;
    records.all(|other| other == record).then_some(record)
}

/// Whether a line begins with the number of an RFC, so that it is a row.
pub(super) fn begins_row(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t', '|', '-', '*']);
    let number = line.strip_prefix("RFC").unwrap_or(line).trim_start_matches([' ', ':', '-', '#']);
    number.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a line only separates rows, or names their columns.
pub(super) fn is_decoration(line: &str) -> bool {
    let is_rule = line.chars().all(|c| "-=+|_*#~!\0 \t".contains(c));
    let columns = || {
        let words = line.split(|c: char| c.is_whitespace() || SEPARATORS.contains(&c));
        let mut words = words.filter(|word| !word.is_empty()).peekable();
        let has_words = words.peek().is_some();
        let is_name =
            |word: &str| Field::named(word).is_some() || word.eq_ignore_ascii_case("name");
        has_words && words.all(is_name)
    };
    !line.is_empty() && (is_rule && line.len() >= 3 || columns())
}

/// A record with blanks or tabs between its fields: after the point of a list, with zeros before the number,
/// or with `host:port`.
fn words(line: &str) -> Option<Record> {
    let line = line.replace('\t', " ");
    let line = after_bullet(&line);
    let rest = line.strip_prefix("RFC").unwrap_or(line).trim_start_matches([' ', ':', '-', '#']);
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = rest.split_at_checked(end)?;
    let rest = rest.strip_prefix([':', ',', '.']).unwrap_or(rest);
    let rest = rest.strip_prefix(' ')?;
    let (rest, last) = rest.rsplit_once(' ').unwrap_or(("", rest));
    if let Some((host, port)) = split_port(last) {
        return record_of(digits, rest, host, port);
    }
    let (title, host) = rest.trim_end().rsplit_once(' ').unwrap_or(("", rest));
    record_of(digits, title, host, last)
}

/// A record such as `RFC 7 A Title (h, 5)` or `RFC 7 A Title ('h', 5)`.
fn endpoint_in_parentheses(line: &str) -> Option<Record> {
    let (first, endpoint) = line.strip_suffix(')')?.rsplit_once('(')?;
    let (host, port) = endpoint.split_once([',', ':'])?;
    let (digits, title) = number_and_title(first.trim())?;
    record_of(
        digits,
        title.trim_end_matches([' ', ',', '-', ':', '@']),
        unquoted(host),
        unquoted(port),
    )
}

/// A record such as `192.0.2.1 5 RFC 7 A Title`.
fn endpoint_first(line: &str) -> Option<Record> {
    let (host, rest) = line.split_once(' ')?;
    let (port, rest) = rest.split_once(' ')?;
    let (digits, title) = number_and_title(rest.strip_prefix("RFC").map(|_| rest)?)?;
    // Otherwise the last two words may be the endpoint.
    let is_title = !title.rsplit(' ').next().is_some_and(is_port);
    is_title.then(|| record_of(digits, title, host, port)).flatten()
}

/// The text after `1. `, `1) `, `- ` or `* ` before `RFC`.
fn after_bullet(line: &str) -> &str {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.strip_prefix(['.', ')', '-', '*']).map(str::trim_start);
    rest.filter(|rest| rest.starts_with("RFC")).unwrap_or(line)
}

/// A record with one of [`MARKS`] between its fields.
fn marked_fields(line: &str, mark: &str) -> Option<Record> {
    let fields: Vec<_> = line.split(mark).collect();
    record_of_fields(&fields, mark)
}

/// A field without blanks around it, and without its quotes.
fn unquoted(field: &str) -> &str {
    let field = field.trim();
    let inner = |quote| field.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(field)
}

/// A record of values in an order that they show themselves.
pub(super) fn record_of_fields(fields: &[&str], mark: &str) -> Option<Record> {
    let record = |digits, title: &[&str], host, port| {
        let title = title.join(mark);
        record_of(unquoted(digits), unquoted(&title), unquoted(host), unquoted(port))
    };
    match fields {
        // Some servers list the port of the connection before that of the upload server.
        [digits, title, host, connection, port] if mark == "<sp>" && is_port(connection) => {
            record(digits, &[title], host, port)
        }
        _ if mark == "<sp>" && fields.len() != 4 => None,
        // An IPv6 address is not read between colons.
        _ if mark == ":" && fields.iter().any(|field| field.is_empty()) => None,
        [digits, host, port, title] if is_port(port) && !is_port(title) => {
            record(digits, &[title], host, port)
        }
        [digits, title @ .., host, port] if is_port(port) && is_number(digits) => {
            record(digits, title, host, port)
        }
        [first, host, port] if is_port(port) => {
            let (digits, title) = number_and_title(unquoted(first))?;
            record(digits, &[title], host, port)
        }
        [digits, title @ .., endpoint] if is_number(digits) => {
            let (host, port) = split_port(unquoted(endpoint))?;
            record(digits, title, host, port)
        }
        _ => None,
    }
}

fn is_number(field: &str) -> bool {
    number(unquoted(field)).is_some()
}

fn is_port(field: &str) -> bool {
    unquoted(field).parse::<u16>().is_ok_and(|port| port > 0)
}

/// The parts of `RFC 7 A Title`.
fn number_and_title(field: &str) -> Option<(&str, &str)> {
    let rest = field.strip_prefix("RFC").unwrap_or(field).trim_start_matches([' ', ':', '-', '#']);
    rest.split_once(' ').filter(|(digits, _)| number(digits).is_some())
}

/// A record whose fields are named: `Title: A Title, RFC: 7, Host: h, Port: 5`.
fn named_fields(line: &str) -> Option<Record> {
    if !line.contains([':', '=']) {
        return None;
    }
    let (mut fields, mut count) = (Fields::default(), 0);
    let mut end = line.len();
    // From the end: the value of a field ends where the next name begins.
    for (at, _) in line.rmatch_indices([':', '=']) {
        let (name, value) = (line.get(..at)?, line.get(at + 1..end)?);
        let Some((field, begin)) = name_at_end(name) else { continue };
        let value = value.trim_matches(|c: char| c.is_whitespace() || SEPARATORS.contains(&c));
        if !fields.set(field, unquoted(value)) {
            return None;
        }
        (end, count) = (begin, count + 1);
    }
    let is_all = count >= 3 && line.get(..end)?.trim().is_empty();
    is_all.then(|| fields.record()).flatten()
}

/// The name of a field at the end of a text, and where it begins: up to three words.
fn name_at_end(text: &str) -> Option<(Field, usize)> {
    let text = text.trim_end();
    let begins = text.rmatch_indices(|c: char| c.is_whitespace() || SEPARATORS.contains(&c));
    let begins = begins.map(|(at, mark)| at + mark.len()).take(3).chain([0]);
    let named = begins.filter_map(|at| Some((Field::named(text.get(at..)?)?, at)));
    named.last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_on_a_line() {
        for line in [
            "RFC 7 A Title h 5",
            "RFC 0007 A Title h 5",
            "7|A Title|h|5",
            "| 7 | A Title | h | 5 |",
            "RFC 7 | A Title | h | 5",
            "7, A Title, h, 5",
            "RFC 7, A Title, h, 5",
            "\"7\",\"A Title\",\"h\",\"5\"",
            "7;A Title;h;5",
            "7:A Title:h:5",
            "RFC 7 - A Title - h - 5",
            "RFC 7 A Title h:5",
            "7|A Title|h:5",
            "7|h|5|A Title",
            "RFC 7 A Title, h, 5",
            "RFC 7: A Title h 5",
            "1. RFC 7 A Title h 5",
            "* RFC 7 A Title h 5",
            "RFC: 7 Title: A Title Host: h Port: 5",
            "RFC Number: 7, Title: A Title, Hostname: h, Port: 5",
            "Title: A Title | RFC Number: 7 | Hostname: h | Port Number: 5",
            "rfc=7, title=A Title, host=h, port=5",
            "Title:A Title RFC:7 Host:h Port:5",
            "RFC 7 A Title (h, 5)",
            "RFC 7 A Title ('h', 5)",
            "RFC 7 A Title - (h:5)",
            "h 5 RFC 7 A Title",
        ] {
            let found = record_in_any_form(line).map(|record| record.to_string());
            assert_eq!(found.as_deref(), Some("RFC 7 A Title h 5"), "{line:?}");
        }
        for (line, record) in [
            ("7, A, B, h, 5", "RFC 7 A, B h 5"),
            ("7|A|h|5|6", ""),
            ("7:A::1:5", ""),
            ("7|A|5678|80", ""),
            ("7 | A | h", ""),
            ("h 5 RFC 7 A Title i 6", ""),
            ("RFC 7 A Title (1969)", ""),
            ("7|A|h|0", ""),
            ("RFC: 7 Title: A Host: h Host: i Port: 5", ""),
            ("Error: no such RFC 7, host h, port 5", ""),
        ] {
            let found = record_in_any_form(line).map(|record| record.to_string());
            assert_eq!(found.unwrap_or_default(), record, "{line:?}");
        }
    }

    #[test]
    fn lines_between_rows() {
        for line in
            ["----", "+---+----+", "RFC Number | Title | Hostname | Port", "RFC Title Host Port"]
        {
            assert!(is_decoration(line), "{line:?}");
        }
        for line in ["", "-", "RFC 7 Title", "Error", "Title: A", "7"] {
            assert!(!is_decoration(line), "{line:?}");
        }
    }
}
