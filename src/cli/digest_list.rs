//! Digests that somebody else vouches for, in the format of `sha256sum`.

use std::collections::HashMap;
use std::path::Path;
use std::{fs, io};

use crate::library::document_of;
use crate::protocol::{Digest, Document};

/// Reads lines of a digest and a file name. What is before the last `/` of a name counts as little
/// as it does for the documents of a folder.
pub(super) fn read(path: &Path) -> io::Result<HashMap<Document, Digest>> {
    let text = fs::read_to_string(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            parse(line).ok_or_else(|| {
                let number = number + 1;
                let text = format!(
                    "line {number}: expected 64 hexadecimal digits, two blanks and a file name"
                );
                io::Error::new(io::ErrorKind::InvalidData, text)
            })
        })
        .collect()
}

fn parse(line: &str) -> Option<(Document, Digest)> {
    let (hex, name) = line.split_once(' ')?;
    let name = name.strip_prefix([' ', '*'])?;
    let name = name.rsplit('/').next()?;
    Some((document_of(name)?, format!("sha-256={hex}").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_sha256sum() {
        let hex = "0a".repeat(32);
        for (line, document) in [
            (format!("{hex}  rfc793.txt"), Some("RFC 793")),
            (format!("{hex} *./papers/a b.pdf"), Some("FILE a%20b.pdf")),
            (format!("{hex} rfc793.txt"), None),
            (format!("{}  rfc793.txt", &hex[2..]), None),
            ("rfc793.txt".into(), None),
        ] {
            let found = parse(&line).map(|(document, _)| document.to_string());
            assert_eq!(found.as_deref(), document, "{line}");
        }
    }
}
