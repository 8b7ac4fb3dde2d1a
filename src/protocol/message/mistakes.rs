//! The likely causes of bytes that are no request: other protocols and encodings, notation that
//! was sent as it is printed, mistyped words (protocol.md section 6.3).
//!
//! They are hints for people. They do not decide which requests are refused.

const UTF_16: &str = "this looks like UTF-16: encode the text as UTF-8";
const LENGTH: &str = "this looks like a length in binary before the text, as writeUTF of Java sends it: send the text alone";
const KEY: &str = "a key such as an arrow was typed: begin a new connection";

/// What bytes are that cannot begin a line of text.
#[cold]
pub(super) fn of_beginning(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [0x16] | [0x16, 0x03, ..] => "this looks like TLS, and P2P-CI is not encrypted",
        [0xEF] | [0xEF, 0xBB, ..] => {
            "this looks like a byte order mark: encode the text as UTF-8 without it"
        }
        [0xFF, 0xFE, ..] | [0xFE, ..] => UTF_16,
        [0xFF, 0xFB..=0xFD, ..] => "this looks like the options of telnet: use nc",
        [0x80, 2..=5, ..] => "this looks like a pickle of Python: send the text of the request",
        [0xAC, 0xED, ..] => "this looks like an object of Java: send the text of the request",
        [0, first, 0, ..] if first.is_ascii_graphic() => UTF_16,
        [0, _, ..] => LENGTH,
        [0x1B, ..] => KEY,
        _ => return None,
    })
}

/// What a control character within a line is: the first byte of `rest`, after the bytes `before`.
#[cold]
pub(super) fn of_control(before: &[u8], rest: &[u8]) -> Option<&'static str> {
    Some(match (before, rest) {
        ([.., last], [0, 1..=0x7F, 0, ..]) if last.is_ascii_graphic() => UTF_16,
        (_, [0, ..]) => {
            "the end of a string in C, or the padding of a buffer, is no part of the text: send the \
             length of the text"
        }
        (_, [0x08 | 0x7F, ..]) => "Backspace was sent as a character: begin a new connection",
        (_, [0x1B, ..]) => KEY,
        _ => return None,
    })
}

/// What a carriage return is that no line feed follows, but this byte.
#[cold]
pub(super) fn of_return(before: &[u8], next: u8) -> &'static str {
    match (before.last(), next) {
        (_, b'\r') => {
            "the carriage return was sent twice: a file in text mode writes `\\r\\n` for `\\n`"
        }
        (Some(b'\n'), _) => "this looks like `\\n\\r`: a line ends with `\\r\\n`",
        _ => "a line ends with `\\r\\n`",
    }
}

/// Notation, or characters of a document, that were sent in a line as they are printed.
#[cold]
pub(super) fn of_notation(line: &str) -> Option<&'static str> {
    let lower = line.to_ascii_lowercase();
    let is_odd = |c: char| matches!(c, '\u{a0}' | '\u{2007}'..='\u{2015}' | '\u{2018}'..='\u{201f}' | '\u{202f}' | '\u{2212}' | '\u{feff}');
    if ["<sp>", "<cr>", "<lf>", "<crlf>"].iter().any(|name| lower.contains(name)) {
        return Some("`<sp>` stands for a blank, `<cr>` and `<lf>` for the bytes 13 and 10");
    }
    if lower.contains("\\r") || lower.contains("\\n") {
        return Some("`\\r\\n` was sent as characters: `printf` sends the bytes 13 and 10 for it");
    }
    if line.starts_with(['"', '\'', '`']) || lower.starts_with("b'") || lower.starts_with("b\"") {
        return Some("the quotes of a text in a program are no part of the request");
    }
    if line.contains(is_odd) {
        return Some(
            "it has a blank, dash or quote that is not that of ASCII, as text copied from a document has",
        );
    }
    if line.starts_with(['{', '[']) {
        return Some("this looks like JSON");
    }
    line.starts_with("SSH-").then_some("this looks like SSH")
}

/// The word that a mistyped word resembles. Case is ignored, and one letter may be added, missing or
/// different, or two neighbouring letters may be exchanged.
pub(crate) fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().find(|known| is_similar(word.as_bytes(), known.as_bytes()))
}

fn is_similar(word: &[u8], other: &[u8]) -> bool {
    let is_same = |(one, other): &(&u8, &u8)| one.eq_ignore_ascii_case(other);
    let same = word.iter().zip(other).take_while(is_same).count();
    let (word, other) =
        (word.get(same..).unwrap_or_default(), other.get(same..).unwrap_or_default());
    match (word, other) {
        ([], []) | ([_], []) | ([], [_]) => true,
        ([a, b, word @ ..], [c, d, other @ ..])
            if a.eq_ignore_ascii_case(d)
                && b.eq_ignore_ascii_case(c)
                && word.eq_ignore_ascii_case(other) =>
        {
            true
        }
        ([_, word @ ..], [_, other @ ..]) if word.eq_ignore_ascii_case(other) => true,
        ([_, word @ ..], other) if word.eq_ignore_ascii_case(other) => true,
        (word, [_, other @ ..]) => word.eq_ignore_ascii_case(other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mistake_is_similar_and_two_are_not() {
        for word in ["LOOKUP", "LOKUP", "LOOOKUP", "LOOKPU", "LOOCUP", "OLOKUP", "lokup", "LOOKU"] {
            assert_eq!(similar(word, ["ADD", "LOOKUP"]), Some("LOOKUP"), "{word}");
        }
        for word in ["", "LOO", "LKOOPU", "LOOKUPPP", "QUIT"] {
            assert_eq!(similar(word, ["ADD", "LOOKUP"]), None, "{word}");
        }
        for (word, command) in [
            ("lits", Some("list")),
            ("List", Some("list")),
            ("lis", Some("list")),
            ("listt", Some("list")),
            ("lust", Some("list")),
            ("shrae", Some("share")),
            ("gte", Some("get")),
            ("localhost", None),
            ("last1", None),
            ("", None),
        ] {
            assert_eq!(similar(word, ["list", "get", "share"]), command, "{word}");
        }
    }
}
