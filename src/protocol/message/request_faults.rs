//! Descriptions of faults in requests, for people who type requests or write clients (protocol.md
//! sections 4, 5.1 and 6.3).
//!
//! The decoder has found that a line does not follow the grammar. This file describes the most
//! likely mistake. It does not decide which requests are refused.

use super::header::NAMES;
use super::mistakes::{of_notation, similar};
use crate::protocol::{SyntaxError, VERSION};

/// The server that reads the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reader {
    Index,
    UploadServer,
}

impl Reader {
    /// A request line that the server accepts.
    pub(super) const fn example(self) -> &'static str {
        match self {
            Self::Index => "LIST ALL P2P-CI/1.0",
            Self::UploadServer => "GET RFC 793 P2P-CI/1.0",
        }
    }

    /// The requests that the server answers.
    const fn expected(self) -> &'static str {
        match self {
            Self::Index => "a request to an index server",
            Self::UploadServer => "a GET to an upload server",
        }
    }
}

/// Where a method is sent to.
fn receiver(method: &str) -> String {
    match method {
        "GET" => "GET is sent to a peer's upload port, which LOOKUP returns".into(),
        _ => format!("{method} is sent to the index server, by default to port 7734"),
    }
}

const METHODS: [&str; 6] = ["ADD", "REMOVE", "LOOKUP", "LIST", "SEARCH", "GET"];

/// The words that other programs send before they close their connection.
const LEAVE_WORDS: [&str; 9] =
    ["LEAVE", "DISCONNECT", "EXIT", "QUIT", "STOP", "END", "BYE", "DEL", "CLOSE"];

/// Words of other protocols for the methods.
const SYNONYMS: [(&str, &str); 14] = [
    ("REGISTER", "ADD"),
    ("PUBLISH", "ADD"),
    ("DELETE", "REMOVE"),
    ("UNREGISTER", "REMOVE"),
    ("FIND", "LOOKUP"),
    ("QUERY", "LOOKUP"),
    ("LOCATE", "LOOKUP"),
    ("LS", "LIST"),
    ("DIR", "LIST"),
    ("SHOW", "LIST"),
    ("FETCH", "GET"),
    ("DOWNLOAD", "GET"),
    ("RETRIEVE", "GET"),
    ("RETR", "GET"),
];

/// The number of words of a line that are examined.
const MOST_WORDS: usize = 5;

/// The fault of a request line that matches no method; `line` is without the version.
#[cold]
pub(super) fn fault_of_words(reader: Reader, line: &str) -> SyntaxError {
    let line = line.trim();
    let fault = expected_words(reader, line);
    match of_notation(line).filter(|_| fault.hint.is_none()) {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

fn expected_words(reader: Reader, line: &str) -> SyntaxError {
    let words: Vec<&str> = line.split_ascii_whitespace().take(MOST_WORDS).collect();
    let at = |expected: &'static str, section| SyntaxError::at(expected, line, section);
    let [method, after @ ..] = &words[..] else {
        return SyntaxError::new(
            format!("a method before the version, such as `{}`", reader.example()),
            "the version alone",
            "3.1",
        );
    };
    match (reader, *method) {
        (Reader::Index, "GET")
        | (Reader::UploadServer, "ADD" | "REMOVE" | "LOOKUP" | "LIST" | "SEARCH") => {
            at(reader.expected(), "5.1").hint(receiver(method))
        }
        (_, "ADD" | "REMOVE" | "LOOKUP" | "GET") => fault_of_document(method, after),
        (_, "LIST") => at(
            "`LIST ALL P2P-CI/1.0` for RFCs, or `LIST FILES P2P-CI/1.0` for other documents",
            "4.4",
        ),
        (_, "SEARCH") => at("`SEARCH ALL P2P-CI/1.0`, and the words in a header `Title`", "4.10"),
        (_, other) => fault_of_method(reader, other, after, line),
    }
}

/// The fault of the words after a method that names a document.
fn fault_of_document(method: &str, after: &[&str]) -> SyntaxError {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let found = after.join(" ");
    let at = |expected: String| SyntaxError::at(expected, &found, "2.4");
    match after {
        [] => SyntaxError::new(
            format!("a document after {method}, such as `{method} RFC 793 P2P-CI/1.0`"),
            "none",
            "2.4",
        ),
        ["RFC"] => SyntaxError::new("a number after RFC", "none", "2.4"),
        ["FILE"] => SyntaxError::new("a name after FILE", "none", "2.4"),
        [one] if is_number(one) => {
            at(format!("RFC before the number, such as `{method} RFC 793 P2P-CI/1.0`"))
        }
        [one] if one.get(..3).is_some_and(|kind| kind.eq_ignore_ascii_case("RFC")) => {
            at(format!("a blank between RFC and the number, such as `{method} RFC 793 P2P-CI/1.0`"))
        }
        ["RFC", ..] => at("nothing but one number between RFC and the version".into()),
        ["FILE", ..] => at("one word after FILE; a blank in a name is written `%20`".into()),
        _ => at(format!("RFC and a number, or FILE and a name, after {method}")),
    }
}

/// The fault of a line that begins with none of the methods.
fn fault_of_method(reader: Reader, first: &str, after: &[&str], line: &str) -> SyntaxError {
    let at = |expected: String, section| SyntaxError::at(expected, line, section);
    if let Some(method) = METHODS.iter().find(|method| method.eq_ignore_ascii_case(first)) {
        return at(format!("{method} in capital letters"), "3.1");
    }
    let without_length = first.trim_start_matches(|c: char| c.is_ascii_digit());
    let begins = |text: &str| METHODS.into_iter().find(|method| text.starts_with(method));
    if without_length.len() < first.len() && begins(without_length).is_some() {
        return at("a method at the beginning, without a length before it".into(), "3.1");
    }
    match (reader, first, after) {
        (Reader::Index, "DEL" | "DELETE", ["RFC" | "FILE", ..]) => {
            return at("REMOVE to remove a record".into(), "4.2");
        }
        (Reader::Index, _, _) if LEAVE_WORDS.contains(&first) => {
            return at("a method; a peer leaves by closing its connection".into(), "4.8");
        }
        _ => {}
    }
    if let Some(method) = begins(first) {
        return at(format!("a blank after {method}"), "3.1");
    }
    let fault = match reader {
        Reader::Index => at("one of the methods ADD, REMOVE, LOOKUP, LIST and SEARCH".into(), "4"),
        Reader::UploadServer => at("the method GET".into(), "5.1"),
    };
    match hint_at_method(reader, first, after) {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

/// Which method is probably meant by a line that begins with another word.
fn hint_at_method(reader: Reader, first: &str, after: &[&str]) -> Option<String> {
    let later = || METHODS.into_iter().find(|method| after.contains(method));
    let synonym = || {
        let known = SYNONYMS.iter().find(|(word, _)| word.eq_ignore_ascii_case(first));
        known.map(|(_, method)| *method)
    };
    let meant = similar(first, METHODS).or_else(synonym);
    let is_other = |method: &str| (method == "GET") != (reader == Reader::UploadServer);
    match meant {
        Some(method) if is_other(method) => Some(receiver(method)),
        Some(method) => Some(format!("{method} is probably meant")),
        None => later().map(|method| format!("{method} comes first, the version last")),
    }
}

/// The fault of a request line that does not end with the version. `example` is a line that does.
#[cold]
pub(super) fn fault_of_version(line: &[u8], example: &str) -> SyntaxError {
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (first, last) = (words.first().copied(), words.last().copied());
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    let expected = "`P2P-CI/1.0` at the end of the line";
    if let Some(hint) = of_notation(&line) {
        return SyntaxError::at(expected, line.trim(), "2.8").hint(hint);
    }
    if last.starts_with("P2P-CI") && last != VERSION {
        return SyntaxError::at(expected, last, "2.8");
    }
    if last.ends_with(VERSION) {
        return SyntaxError::at("a blank before `P2P-CI/1.0`", line.trim(), "3.1");
    }
    if first == VERSION {
        let fault = SyntaxError::new(expected, "it at the beginning", "2.8");
        let is_status = |word: &&str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
        return match words.get(1).is_some_and(is_status) {
            true => fault.hint("this looks like a reply, which a server sends"),
            false => fault,
        };
    }
    if let Some(at) = words.iter().position(|word| *word == VERSION) {
        let rest = words.get(at + 1..).unwrap_or_default();
        if let ["RFC" | "FILE" | "ALL" | "FILES" | "ADD" | "LOOKUP" | "LIST" | "GET", ..] = rest {
            return SyntaxError::at(expected, line.trim(), "3.1")
                .hint("the method comes first, the version last");
        }
        let expected = "a line end after `P2P-CI/1.0`, and each header on a line of its own";
        return SyntaxError::at(expected, rest.join(" "), "3.1");
    }
    if last.starts_with("HTTP/") {
        return SyntaxError::at(format!("{expected}, because this is no HTTP server"), last, "2.8");
    }
    let upper = last.to_ascii_uppercase();
    let glued = words.concat();
    if upper.starts_with("P2P")
        || upper == "1.0"
        || glued.ends_with(VERSION)
        || similar(last, [VERSION]).is_some()
    {
        return SyntaxError::at(format!("{expected}, written exactly so"), last, "2.8");
    }
    if line.split_once(':').is_some_and(|(name, _)| is_known_header(name)) {
        let expected = format!("a request line such as `{example}` before the headers");
        return SyntaxError::at(expected, line.trim(), "3.1");
    }
    if LEAVE_WORDS.contains(&first) {
        let expected =
            "a request that ends with `P2P-CI/1.0`; a peer leaves by closing its connection";
        return SyntaxError::at(expected, line.trim(), "4.8");
    }
    SyntaxError::at(format!("{expected}, as in `{example}`"), line.trim(), "2.8")
}

/// The fault of a line that should be a header.
#[cold]
pub(super) fn fault_of_header(line: &str) -> SyntaxError {
    let at = |expected: &'static str, section| SyntaxError::at(expected, line, section);
    let first = line.split_ascii_whitespace().next().unwrap_or_default();
    if METHODS.contains(&first) || line.trim_end().ends_with(VERSION) {
        return at("an empty line between two requests", "3.1")
            .hint("this looks like a new request");
    }
    if let Some(hint) = of_notation(line) {
        return at("a header such as `Host: somehost.csc.ncsu.edu`", "2.9").hint(hint);
    }
    match line.split_once(':') {
        None if is_known_header(first) => {
            at("a colon after the name, such as `Host: somehost.csc.ncsu.edu`", "2.9")
        }
        None => at(
            "a header such as `Host: somehost.csc.ncsu.edu`, or the empty line that ends a request",
            "2.9",
        ),
        Some((name, _)) if name.trim().is_empty() => {
            at("a name before the colon, such as `Host: somehost.csc.ncsu.edu`", "2.9")
        }
        Some((name, _)) if name.trim().contains([' ', '\t']) => {
            at("a name without blanks before the colon", "2.9")
        }
        Some(_) => at("a name of visible ASCII characters before the colon", "2.9"),
    }
}

/// The fault of a request without a required header; `text` is its header lines.
#[cold]
pub(super) fn fault_of_missing(name: &str, text: &str) -> SyntaxError {
    const MOST_NAMES: usize = 4;
    const LONGEST: usize = 20;
    let short = |line: &str| {
        let name = line.split(':').next().unwrap_or_default().trim();
        match name.char_indices().nth(LONGEST) {
            None => format!("`{name}`"),
            Some((end, _)) => format!("`{}…`", name.get(..end).unwrap_or_default()),
        }
    };
    let lines = || text.lines().filter(|line| !line.is_empty());
    let mut names: Vec<String> = lines().take(MOST_NAMES).map(short).collect();
    if lines().nth(MOST_NAMES).is_some() {
        names.push("others".into());
    }
    let found = if names.is_empty() { "no header".into() } else { names.join(", ") };
    let fault = SyntaxError::new(format!("a header `{name}`"), found, "2.9");
    // A misspelt name, or a longer one such as `Hostname`.
    let is_meant = |line: &&str| {
        let found = line.split(':').next().unwrap_or_default().trim();
        let starts = found.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        !is_known_header(found) && (starts || similar(found, [name]).is_some())
    };
    match lines().find(is_meant) {
        Some(line) => fault.hint(format!("{} is probably a misspelt `{name}`", short(line))),
        None => fault,
    }
}

fn is_known_header(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name.trim()))
}
