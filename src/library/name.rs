//! Which document a file is, and under which name a document is saved.
//!
//! The only place where a word from the wire becomes a path. It is safe to join to a folder: no
//! segment of a [`FileName`] leads upwards, and an RFC's name is made of a number.

use super::packed::unpacked_name;
use crate::protocol::{Document, FileName, RfcNumber};

/// The document that a file is, by its path below the shared folder: an RFC for `rfc793.txt`,
/// `RFC793.TXT`, `rfc0793.txt`, `rfc793-tcp.txt`, and `.gz` of each, in any sub-folder; else the
/// file itself. `None` if a segment is hidden, or it cannot be said in the protocol.
pub fn document_of(path: &str) -> Option<Document> {
    if path.split('/').any(|segment| segment.starts_with('.')) {
        return None;
    }
    match rfc_number(last_segment(path)) {
        Some(number) => Some(Document::Rfc(number)),
        None => FileName::from_decoded(path).ok().map(Document::File),
    }
}

/// Whether a file of this name is shared as what it unpacks to.
pub(super) fn is_packed(path: &str) -> bool {
    unpacked_name(path).is_some() && rfc_number(last_segment(path)).is_some()
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The path below a folder under which a document is saved; `None` if a file there would be
/// another document, or hidden.
pub fn file_name_of(document: &Document) -> Option<String> {
    let name = match document {
        Document::Rfc(number) => format!("rfc{number}.txt"),
        Document::File(name) => name.as_str().to_string(),
    };
    (document_of(&name).as_ref() == Some(document)).then_some(name)
}

fn rfc_number(file_name: &str) -> Option<RfcNumber> {
    let lower = unpacked_name(file_name).unwrap_or(file_name).to_ascii_lowercase();
    let stem = lower.strip_prefix("rfc")?.strip_suffix(".txt")?;
    let number = stem.split_once('-').map_or(stem, |(number, _)| number);
    number.trim_start_matches('0').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_and_their_documents() {
        for (name, document) in [
            ("rfc793.txt", Some("RFC 793")),
            ("RFC793.TXT", Some("RFC 793")),
            ("rfc0793.txt", Some("RFC 793")),
            ("rfc793-tcp.txt", Some("RFC 793")),
            ("rfc90001.txt", Some("RFC 90001")),
            ("rfc.txt", Some("FILE rfc.txt")),
            ("rfc0.txt", Some("FILE rfc0.txt")),
            ("rfc793.pdf", Some("FILE rfc793.pdf")),
            ("rfc-index.txt", Some("FILE rfc-index.txt")),
            ("rfc1234567890.txt", Some("FILE rfc1234567890.txt")),
            ("lecture 01.pdf", Some("FILE lecture%2001.pdf")),
            ("rfc793.txt.gz", Some("RFC 793")),
            ("rfc793.json.gz", Some("FILE rfc793.json.gz")),
            ("old/std/rfc793.txt.gz", Some("RFC 793")),
            ("notes/a.md", Some("FILE notes%2Fa.md")),
            (".hidden", None),
            (".git/config", None),
            ("../up", None),
            ("/etc/passwd", None),
            ("back\\slash", None),
            ("new\nline", None),
        ] {
            let found = document_of(name).map(|document| document.to_string());
            assert_eq!(found.as_deref(), document, "{name:?}");
        }
    }

    #[test]
    fn a_saved_document_is_itself_again() {
        let file = |name| Document::File(FileName::from_decoded(name).unwrap());
        assert_eq!(file_name_of(&Document::Rfc("7".parse().unwrap())), Some("rfc7.txt".into()));
        assert_eq!(file_name_of(&file("a b.pdf")), Some("a b.pdf".into()));
        assert_eq!(file_name_of(&file("notes/a.md")), Some("notes/a.md".into()));
        assert_eq!(file_name_of(&file("notes/rfc7.txt.gz")), None);
        assert_eq!(file_name_of(&file("rfc7.txt")), None);
        assert_eq!(file_name_of(&file(".profile")), None);
    }
}
