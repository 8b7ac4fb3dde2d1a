//! Digests that the user trusts, in the format of `sha256sum` (protocol.md sections 5.5 and 9).
//!
//! A line names a file by its path below the shared directory. A leading `./` and the path of the
//! directory itself are removed, so that the list may have been made in it or elsewhere. `..` is
//! resolved in the current directory, or else in the shared one. The line applies to the document that is
//! saved under this path. In the shared directory itself that is an RFC in every spelling that is shared as
//! one, such as `rfc0007.txt`; a line for `rfc7.txt` has priority. `old/rfc7.txt` and the packed
//! `rfc7.txt.gz`, whose digest is not that of the document, do not apply to RFC 7.

mod own_paths;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use self::own_paths::OwnPaths;
use crate::escape::excerpt;
use crate::library::{document_of, file_name_of, is_packed};
use crate::limits;
use crate::protocol::{Digest, Document};

/// The content of a list.
#[derive(Debug, Default)]
pub(in crate::cli) struct DigestList {
    /// The digests of the documents that it names.
    pub(in crate::cli) digests: HashMap<Document, Digest>,
    /// Lines whose path is no document of the shared directory.
    unmatched: usize,
}

impl DigestList {
    /// Reports the number of lines that match none of the documents of a command.
    pub(in crate::cli) fn note_unmatched(&self, is_meant: impl Fn(&Document) -> bool) {
        let others = self.digests.keys().filter(|document| !is_meant(document)).count();
        let count = others.saturating_add(self.unmatched);
        if count > 0 {
            log::warn!(
                "note: {count} {} no document of this command",
                if count == 1 {
                    "line of the list of digests matches"
                } else {
                    "lines of the list of digests match"
                }
            );
        }
    }
}

/// Reads a list for a shared directory.
///
/// # Errors
/// When it cannot be read, a line is malformed, or two lines contradict each other.
pub(in crate::cli) fn read(path: &Path, directory: &Path) -> io::Result<DigestList> {
    let mut text = Vec::new();
    // A pipe has no known length.
    File::open(path)?.take(limits::DIGEST_LIST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > limits::DIGEST_LIST {
        let most = limits::DIGEST_LIST / (1024 * 1024);
        return Err(invalid(format!("expected at most {most} MiB, found more")));
    }
    parse(&text, &OwnPaths::of(directory, &std::env::current_dir()?)?)
}

/// Reads the lines of a list.
fn parse(text: &[u8], own: &OwnPaths) -> io::Result<DigestList> {
    let mut list = DigestList::default();
    let mut first_lines: HashMap<Document, (usize, Spelling)> = HashMap::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let Some((digest, name)) = parse_line(line) else {
            return Err(invalid(format!(
                "line {number}: expected 64 hexadecimal digits, two blanks and a file name, as \
                 sha256sum prints them, found {}",
                excerpt(line)
            )));
        };
        let Some((document, spelling)) = name.and_then(|name| document_at(&name, own)) else {
            list.unmatched += 1;
            continue;
        };
        let (first, known) = match (first_lines.get(&document), list.digests.get(&document)) {
            (Some((first, of_first)), Some(known)) if *of_first == spelling => (*first, *known),
            // The file of the other spelling is another one.
            (Some((_, Spelling::Saved)), Some(_)) => {
                list.unmatched += 1;
                continue;
            }
            (first, _) => {
                list.unmatched += usize::from(first.is_some());
                first_lines.insert(document.clone(), (number, spelling));
                list.digests.insert(document, digest);
                continue;
            }
        };
        if known != digest {
            return Err(invalid(format!(
                "line {number}: expected the digest of {document} from line {first}, {known}, found {digest}"
            )));
        }
    }
    Ok(list)
}

/// The digest and the name of a line; no name if it is not UTF-8. A line that begins with `\` has
/// escapes in its name.
fn parse_line(line: &[u8]) -> Option<(Digest, Option<String>)> {
    let (line, is_escaped) = match line.strip_prefix(b"\\") {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    let (hex, name) = line.split_at_checked(64)?;
    let digest = format!("sha-256={}", std::str::from_utf8(hex).ok()?).parse().ok()?;
    let name = name.strip_prefix(b"  ").or_else(|| name.strip_prefix(b" *"))?;
    if name.is_empty() {
        return None;
    }
    let name = std::str::from_utf8(name).ok();
    if !is_escaped {
        return Some((digest, name.map(Into::into)));
    }
    match name.map(unescaped) {
        Some(name) => Some((digest, Some(name?))),
        None => Some((digest, None)),
    }
}

fn unescaped(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

/// How a line spells the name of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spelling {
    /// As the document is saved.
    Saved,
    /// Another name that is shared as the same RFC.
    Other,
}

/// The document that is saved at a path.
fn document_at(name: &str, own: &OwnPaths) -> Option<(Document, Spelling)> {
    let path = own.below(Path::new(name))?;
    let mut segments = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(segment) => segments.push(segment.to_str()?),
            _ => return None,
        }
    }
    let name = segments.join("/");
    let document = document_of(&name)?;
    if file_name_of(&document).ok()? == name {
        return Some((document, Spelling::Saved));
    }
    let is_rfc = matches!(document, Document::Rfc(_)) && segments.len() == 1 && !is_packed(&name);
    is_rfc.then_some((document, Spelling::Other))
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
#[allow(clippy::string_slice, reason = "a test may panic")]
mod tests {
    use std::path::PathBuf;

    use super::own_paths::normal;
    use super::*;

    fn read_lines(text: &str) -> io::Result<DigestList> {
        parse(text.as_bytes(), &own())
    }

    fn own() -> OwnPaths {
        OwnPaths::of(Path::new("./papers"), Path::new("/srv")).unwrap()
    }

    #[test]
    fn a_directory_that_does_not_exist_yet_has_its_paths() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("real")).unwrap();
        let hex = "0a".repeat(32);
        #[cfg(unix)]
        std::os::unix::fs::symlink("real", real.join("link")).unwrap();
        #[cfg(not(unix))]
        std::fs::create_dir(real.join("link")).unwrap();
        for share in ["none", "./none/none", "real/../none", "link/none"] {
            let own = OwnPaths::of(Path::new(share), &real).unwrap();
            let mut named = vec![PathBuf::from(share), real.join(share), normal(&real.join(share))];
            if cfg!(unix) && share.starts_with("link") {
                named.push(real.join("real/none"));
            }
            for path in named {
                let line = format!("{hex}  {}/rfc7.txt", path.display());
                let list = parse(line.as_bytes(), &own).unwrap();
                assert_eq!((list.digests.len(), list.unmatched), (1, 0), "{share}: {line}");
            }
        }
    }

    #[test]
    fn lines_of_sha256sum() {
        let hex = "0a".repeat(32);
        for (line, document) in [
            (format!("{hex}  rfc793.txt"), Some("RFC 793")),
            (format!("{hex} *rfc793.txt\r"), Some("RFC 793")),
            (format!("{hex}  ./rfc793.txt"), Some("RFC 793")),
            (format!("{hex} *./papers/a b.pdf"), Some("FILE a%20b.pdf")),
            (format!("{hex}  papers/./x/a.pdf"), Some("FILE x%2Fa.pdf")),
            (format!("{hex}  /srv/papers/rfc1.txt"), Some("RFC 1")),
            (format!("{hex}  x/a.pdf"), Some("FILE x%2Fa.pdf")),
            (format!("\\{hex}  a.pdf"), Some("FILE a.pdf")),
            // No document has such a name.
            (format!("\\{hex}  a\\\\b.pdf"), None),
            (format!("{hex}   a.pdf"), Some("FILE %20a.pdf")),
            // Other files than those that are saved under these documents' names.
            (format!("{hex}  old/rfc793.txt"), None),
            (format!("{hex}  rfc793.txt.gz"), None),
            (format!("{hex}  RFC0793.TXT.GZ"), None),
            (format!("{hex}  rfc0793.txt"), Some("RFC 793")),
            (format!("{hex}  papers/RFC793.TXT"), Some("RFC 793")),
            (format!("{hex}  ./rfc793-tcp.txt"), Some("RFC 793")),
            (format!("{hex}  old/rfc0793.txt"), None),
            (format!("{hex}  /srv/other/rfc793.txt"), None),
            (format!("{hex}  ../papers/rfc793.txt"), Some("RFC 793")),
            (format!("{hex}  ../srv/papers/rfc793.txt"), Some("RFC 793")),
            (format!("{hex}  /srv/x/../papers/rfc1.txt"), Some("RFC 1")),
            (format!("{hex}  x/../rfc1.txt"), Some("RFC 1")),
            (format!("{hex}  ../other/rfc793.txt"), None),
            (format!("{hex}  ../rfc793.txt"), None),
            (format!("\\{hex}  a\\nb.pdf"), None),
            (format!("{hex}  .hidden"), None),
        ] {
            let list = read_lines(&line).unwrap();
            let found = list.digests.keys().next().map(|document| document.wire().to_string());
            assert_eq!(found.as_deref(), document, "{line}");
            assert_eq!(list.unmatched, usize::from(document.is_none()), "{line}");
        }
        let not_utf8 = [hex.as_bytes(), b"  a\xff"].concat();
        assert_eq!(parse(&not_utf8, &own()).unwrap().unmatched, 1);
    }

    #[test]
    fn other_lines_and_contradictions_are_errors() {
        let (one, two) = ("0a".repeat(32), "0b".repeat(32));
        for (text, expected) in [
            (format!("{one} rfc793.txt"), "line 1: expected 64"),
            (format!("{}  rfc793.txt", &one[2..]), "line 1: expected 64"),
            (format!("{one}  "), "line 1: expected 64"),
            (format!("\n{one}  a\nrfc793.txt\n"), "line 3: expected 64"),
            (format!("\\{one}  a\\b"), "line 1: expected 64"),
            (format!("{}é  a", &one[1..]), "line 1: expected 64"),
            (
                format!("{one}  a\n{one} *b\n{one}  ./a\n{two}  papers/a\n"),
                "line 4: expected the digest of FILE a from line 1",
            ),
        ] {
            let error = read_lines(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let error = read_lines(&format!("{one}  rfc07.txt\n{two}  RFC7.TXT\n")).unwrap_err();
        assert!(error.to_string().contains("the digest of RFC 7 from line 1"), "{error}");
        // The name under which RFC 7 is saved has priority.
        for (first, second) in [("rfc7.txt", "rfc007.txt"), ("rfc007.txt", "rfc7.txt")] {
            let digest = |name| if name == "rfc7.txt" { &one } else { &two };
            let (of_first, of_second) = (digest(first), digest(second));
            let list = read_lines(&format!("{of_first}  {first}\n{of_second}  {second}")).unwrap();
            let trusted = list.digests.values().next().unwrap().to_string();
            assert_eq!((trusted, list.unmatched), (format!("sha-256={one}"), 1), "{first}");
        }
        // Different files, and the same file twice.
        let list = read_lines(&format!("{one}  a\n{two}  x/a\n{one}  ./a\n")).unwrap();
        assert_eq!((list.digests.len(), list.unmatched), (2, 0));
    }
}
