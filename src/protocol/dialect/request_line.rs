//! The words of a request line, as other programs write them (protocol.md appendix B.4).

use crate::protocol::VERSION;

/// The version of the grammar, as programs write it, with `-` in place of `_`.
const VERSIONS: [&str; 10] = [
    "1.0",
    "V1.0",
    "P2P-CI/1.0",
    "P2PCI/1.0",
    "P2P/1.0",
    "P2P-CI/1",
    "P2P-CI-1.0",
    "P2P-CI/V1.0",
    "P2P-CI-V1.0",
    "P2P-CI-V1.0.0",
];

/// How a header begins that follows the version on its line.
const IN_LINE: [&str; 4] = [" host:", " port:", " title:", " os:"];

/// Separates the version from the words before it, and writes it as the grammar does. A line without a
/// version stays as it is, so that its refusal says what is missing.
pub(super) fn split_version(line: &str) -> (&str, &str) {
    let line = line.trim_end();
    let (words, last) = line.rsplit_once([' ', '\t']).unwrap_or(("", line));
    if is_version(last) {
        let words = words.trim_end();
        // Its name and its number may be two words.
        let shorter = words.rsplit_once([' ', '\t']).filter(|(_, name)| {
            last.starts_with(|first: char| first.is_ascii_digit())
                && ["P2P-CI", "P2PCI"].iter().any(|known| known.eq_ignore_ascii_case(name))
        });
        return (shorter.map_or(words, |(words, _)| words.trim_end()), VERSION);
    }
    match line.split_once([' ', '\t']) {
        Some((first, words)) if is_version(first) => (words.trim_start(), VERSION),
        _ if last.to_ascii_uppercase().starts_with("P2P") => (words.trim_end(), last),
        _ => (line, ""),
    }
}

fn is_version(word: &str) -> bool {
    let upper = word.to_ascii_uppercase().replace('_', "-");
    VERSIONS.contains(&upper.as_str())
}

/// Separates the headers that follow the version on the line of a request.
pub(super) fn split_headers(line: &str) -> (&str, &str) {
    let Some(begin) = header_begins(line).into_iter().min() else { return (line, "") };
    let (request_line, headers) = line.split_at_checked(begin).unwrap_or((line, ""));
    match split_version(request_line) {
        (_, "") => (line, ""),
        _ => (request_line, headers),
    }
}

/// The headers on the line of a request, each of which begins with its name.
pub(super) fn headers_in_line(text: &str) -> Vec<&str> {
    let mut begins = header_begins(text);
    begins.sort_unstable();
    let ends = begins.iter().skip(1).copied().chain([text.len()]);
    let headers = begins.iter().zip(ends).filter_map(|(&begin, end)| text.get(begin..end));
    headers.map(str::trim).collect()
}

/// The positions of the blanks before the first header of each name.
fn header_begins(text: &str) -> Vec<usize> {
    let lower = text.to_ascii_lowercase();
    IN_LINE.iter().filter_map(|name| lower.find(name)).collect()
}

/// The words of a request line as the grammar writes them.
pub(super) fn request_words(words: &[&str]) -> String {
    let upper: Vec<String> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
    let upper: Vec<&str> = upper.iter().map(String::as_str).collect();
    match (upper.as_slice(), words) {
        (["LIST" | "LISTALL" | "LIST_ALL" | "LIST-ALL"], _) => "LIST ALL".into(),
        (["LIST", "RFC" | "RFCS"], _)
        | (["LIST", "ALL", "RFC" | "RFCS"], _)
        | (["LIST", "RFC" | "RFCS", "ALL"], _) => "LIST ALL".into(),
        (["LIST", "ALL" | "FILES"], _) | (["SEARCH", "ALL"], _) => upper.join(" "),
        (["DEL" | "DELETE", rest @ ..], [_, names @ ..]) => {
            format!("REMOVE {}", document_words(rest, names))
        }
        (["ADD" | "REMOVE" | "LOOKUP" | "GET", ..], [method, names @ ..]) => {
            let method = method.to_ascii_uppercase();
            let rest = upper.get(1..).unwrap_or_default();
            format!("{method} {}", document_words(rest, names))
        }
        _ => words.join(" "),
    }
}

/// The words for a document as the grammar writes them.
fn document_words(upper: &[&str], words: &[&str]) -> String {
    let number = |text: &str| {
        let digits = text.trim_start_matches("RFC").trim_start_matches(['-', '_', ':', '#']);
        let significant = digits.trim_start_matches('0');
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| format!("RFC {}", if significant.is_empty() { "0" } else { significant }))
    };
    let rfc = match upper {
        ["RFC", one] | [one] => number(one),
        _ => None,
    };
    match (rfc, upper, words) {
        (Some(rfc), _, _) => rfc,
        (None, ["FILE", ..], [_, names @ ..]) => format!("FILE {}", names.join("%20")),
        _ => words.join(" "),
    }
}
