//! Documents as users type them: `793`, `700-710`, `notes.pdf`, `FILE:42`, and the two words that lists
//! print: `RFC 793`, `FILE a%20b.txt` (protocol.md section 2.4).

use crate::escape::{escaped, is_shown_as_it_is};
use crate::library::document_of;
use crate::protocol::{Document, FileName, RfcNumber};

/// The largest number of RFCs in a range.
const RANGE: u32 = 100_000;
/// The largest number of digits of an RFC number.
const RFC_DIGITS: usize = 9;

/// An argument of `get`: one document, or a range of RFCs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Range {
    One(Document),
    Rfcs(RfcNumber, RfcNumber),
}

impl Range {
    /// The documents, in order.
    pub(in crate::cli) fn documents(&self) -> Vec<Document> {
        match self {
            Self::One(document) => vec![document.clone()],
            Self::Rfcs(first, last) => (first.value()..=last.value())
                .filter_map(|number| number.to_string().parse().ok().map(Document::Rfc))
                .collect(),
        }
    }
}

/// The number of a row: `%` and 1 to 4 digits alone.
pub(super) fn row_of(text: &str) -> Option<usize> {
    let digits = text.strip_prefix('%').filter(|digits| is_number(digits) && digits.len() <= 4)?;
    digits.parse().ok()
}

/// Reads a range of RFC numbers, or a document.
pub(in crate::cli) fn parse_range(text: &str) -> Result<Range, String> {
    let numbers = split_range(after_rfc(text).unwrap_or(text));
    let Some((first, last)) = numbers else { return parse_document(text).map(Range::One) };
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(format!(
            "expected a range with the smaller number first, such as `{last}-{first}`, found `{text}`"
        ));
    }
    if last.value() - first.value() >= RANGE {
        return Err(format!("expected a range of at most {RANGE} numbers, found `{text}`"));
    }
    Ok(Range::Rfcs(first, last))
}

/// Reads a document. A number is an RFC, and any other text a file name. `FILE:42` is always the file of
/// that name.
pub(in crate::cli) fn parse_document(text: &str) -> Result<Document, String> {
    if let Some(name) = text.strip_prefix("FILE:").or_else(|| text.strip_prefix("FILE ")) {
        let name = FileName::from_decoded(name).map_err(|error| error.to_string())?;
        return Ok(Document::File(name));
    }
    if row_of(text).is_some() {
        return Err(format!(
            "expected a document, found `{text}`, which is a row of the last list in the shell: `FILE:{text}` \
             is the file of that name"
        ));
    }
    if split_range(after_rfc(text).unwrap_or(text)).is_some() {
        return Err(format!(
            "expected one document, found the range `{text}`: `get` takes ranges, and `FILE:{text}` is the \
             file of that name"
        ));
    }
    if let Some(digits) = after_rfc(text) {
        return number(digits).map(Document::Rfc);
    }
    if is_number(text) {
        return number(text).map(Document::Rfc);
    }
    if let Some(digits) = text
        .get(..3)
        .filter(|kind| kind.eq_ignore_ascii_case("rfc"))
        .and_then(|_| text.get(3..))
        .filter(|digits| is_number(digits))
    {
        // The file of this name comes first, and then the RFC ([`crate::library::candidates`]).
        number(digits)
            .map_err(|error| format!("{error}; `FILE:{text}` is the file of that name"))?;
    }
    document_of(text)
        .ok_or_else(|| "expected an RFC number, a file name, or `FILE:` and a file name".into())
}

/// A document as one word that every shell takes as it is, and that is read as this document. A name with
/// other characters is percent-encoded, as in lists.
pub(in crate::cli) fn typed(document: &Document) -> String {
    typed_with(document, |c| {
        c.is_alphanumeric() && escaped(c.encode_utf8(&mut [0; 4])).to_string().chars().eq([c])
            || "._-/:+,@%=".contains(c)
    })
}

/// A document as tables show it: `RFC 793`, or the name of a file, which is read as this document when it is
/// typed, in quotes if it has blanks.
pub(in crate::cli) fn named(document: &Document) -> String {
    let Document::File(_) = document else { return document.to_string() };
    let name = document.name();
    let is_visible = is_shown_as_it_is(&name)
        && name.trim() == name
        && !name.contains(|c: char| c.is_whitespace() && c != ' ');
    let is_option_or_kind = name.starts_with('-') || matches!(&*name, "RFC" | "FILE");
    match parse_range(&name) {
        Ok(Range::One(read)) if read == *document && is_visible && !is_option_or_kind => name,
        _ => typed(document),
    }
}

/// A document as one word of the shell of this program.
pub(in crate::cli) fn typed_in_shell(document: &Document) -> String {
    typed_with(document, |c| !c.is_whitespace() && !"'\"\\#".contains(c))
}

fn typed_with(document: &Document, is_plain: impl Fn(char) -> bool) -> String {
    let Document::File(_) = document else { return document.name() };
    let name = document.name();
    let word: String = match name.chars().all(&is_plain) {
        true => name,
        false => {
            let encoded = document.wire().to_string();
            let encoded = encoded.strip_prefix("FILE ").unwrap_or(&encoded);
            encoded.chars().map(|c| if is_plain(c) { c.to_string() } else { percent(c) }).collect()
        }
    };
    let as_file = FileName::from_decoded(&word).map(|name| Range::One(Document::File(name)));
    let is_option_or_kind = word.starts_with('-') || matches!(&*word, "RFC" | "FILE");
    match (parse_range(&word), as_file) {
        (Ok(read), Ok(file)) if read == file && !is_option_or_kind => word,
        _ => format!("FILE:{word}"),
    }
}

fn percent(character: char) -> String {
    let mut bytes = [0; 4];
    character.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn split_range(text: &str) -> Option<(&str, &str)> {
    text.split_once('-').filter(|(first, last)| is_number(first) && is_number(last))
}

/// The range of RFCs that may be meant by a text in another form, such as `5-`, `1..5` or `rfc1-rfc5`. A missing
/// number is replaced by an example.
pub(in crate::cli) fn range_meant_by(text: &str) -> Option<String> {
    const SEPARATORS: [&str; 5] = ["...", "..", "--", "\u{2013}", "-"];
    const EXAMPLE: u32 = 10;
    let (first, last) = SEPARATORS.iter().find_map(|separator| text.split_once(separator))?;
    let digits = |text: &str| {
        let kind = text.get(..3).filter(|kind| kind.eq_ignore_ascii_case("rfc"));
        let digits = kind.and_then(|_| text.get(3..)).unwrap_or(text).trim();
        let is_few = digits.len() <= RFC_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_few.then(|| digits.parse::<u32>().ok().filter(|number| *number > 0))
    };
    let (first, last) = match (digits(first)?, digits(last)?) {
        (None, None) => return None,
        (Some(first), Some(last)) => (first.min(last), first.max(last)),
        (Some(first), None) => (first, first.saturating_add(EXAMPLE)),
        (None, Some(last)) => (1, last),
    };
    Some(format!("{first}-{last}"))
}

/// The text after `RFC `.
fn after_rfc(text: &str) -> Option<&str> {
    let (kind, rest) = text.split_once(' ')?;
    kind.eq_ignore_ascii_case("RFC")
        .then_some(rest)
        .filter(|rest| is_number(rest) || split_range(rest).is_some())
}

/// An RFC number, which may have leading zeros.
fn number(text: &str) -> Result<RfcNumber, String> {
    let digits = text.trim_start_matches('0');
    // Zero itself is reported as it was typed.
    let digits = if is_number(text) && !digits.is_empty() { digits } else { text };
    digits.parse::<RfcNumber>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_as_people_type_them() {
        for (text, document) in [
            ("793", "RFC 793"),
            ("RFC 793", "RFC 793"),
            ("rfc793.txt", "RFC 793"),
            ("rfc793", "FILE rfc793"),
            ("FILE:793", "FILE 793"),
            ("FILE a%20b", "FILE a%2520b"),
            ("a b", "FILE a%20b"),
        ] {
            let found = parse_document(text).map(|document| document.wire().to_string());
            assert_eq!(found.as_deref(), Ok(document), "{text}");
        }
    }

    #[test]
    fn a_document_is_printed_as_it_can_be_typed() {
        for (name, word) in [
            ("rfc9.txt", "FILE:rfc9.txt"),
            ("sub/rfc8.txt", "FILE:sub/rfc8.txt"),
            (".p2pciignore", "FILE:.p2pciignore"),
            ("42", "FILE:42"),
            ("1-5", "FILE:1-5"),
            ("--force", "FILE:--force"),
            ("RFC", "FILE:RFC"),
            ("FILE:x", "FILE:FILE:x"),
            ("handed-over", "handed-over"),
            ("a b/rfc8.txt", "a%20b%2Frfc8.txt"),
            (".a b", "FILE:.a%20b"),
            ("it's", "it%27s"),
            ("a;reboot", "a%3Breboot"),
            ("a%20b", "a%20b"),
            ("\u{e9}t\u{e9}", "\u{e9}t\u{e9}"),
            ("x\u{202e}y", "x%E2%80%AEy"),
        ] {
            let document = Document::File(FileName::from_decoded(name).unwrap());
            assert_eq!(typed(&document), word);
            let read = parse_document(word).unwrap();
            assert!(crate::library::candidates(&read).contains(&document), "{word}");
        }
        assert_eq!(typed(&Document::Rfc("7".parse().unwrap())), "7");
    }

    #[test]
    fn a_range_in_another_form_is_recognized() {
        for (text, range) in [
            ("1-", Some("1-11")),
            ("-5", Some("1-5")),
            ("1--5", Some("1-5")),
            ("5..1", Some("1-5")),
            ("1...5", Some("1-5")),
            ("1\u{2013}5", Some("1-5")),
            ("rfc1-RFC5", Some("1-5")),
            ("rfc1-5", Some("1-5")),
            ("-", None),
            ("..", None),
            ("1-x", None),
            ("1-9999999999", None),
            ("2024-01-05", None),
            ("notes", None),
            ("caf\u{e9}-1", None),
        ] {
            assert_eq!(range_meant_by(text).as_deref(), range, "{text}");
        }
    }

    #[test]
    fn a_number_out_of_range_is_answered_with_the_range() {
        for text in ["0", "9999999999", "RFC 0", "rfc0", "RFC9999999999", "0-5", "5-9999999999"] {
            let error = parse_range(text).unwrap_err();
            assert!(error.contains("from 1 to 999999999"), "{text}: {error}");
        }
        let error = parse_range("10-5").unwrap_err();
        assert!(error.contains("smaller number first, such as `5-10`, found `10-5`"), "{error}");
        assert!(parse_range("1-100001").unwrap_err().contains("at most 100000 numbers"));
        assert!(matches!(parse_range("RFC 5-10"), Ok(Range::Rfcs(..))));
    }
}
