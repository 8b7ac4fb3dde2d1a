//! The headers of a reply of an upload server, with the names that other programs use (protocol.md sections
//! 5.2 and 5.4).

use crate::protocol::grammar::number::ContentLength;
use crate::protocol::{DocumentHead, SyntaxError};

/// The headers of a reply, with the names that other programs use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Name {
    Date,
    Os,
    LastModified,
    ContentLength,
    ContentType,
    ContentRange,
    Digest,
}

impl Name {
    const SPELLINGS: [(&'static str, Self); 8] = [
        ("date", Self::Date),
        ("data", Self::Date),
        ("os", Self::Os),
        ("last-modified", Self::LastModified),
        ("content-length", Self::ContentLength),
        ("content-type", Self::ContentType),
        ("content-range", Self::ContentRange),
        ("digest", Self::Digest),
    ];

    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = trimmed(name);
        let is_name =
            |(spelling, _): &&(&str, Self)| name.len() == spelling.len() && begins(spelling, name);
        Self::SPELLINGS.iter().find(is_name).map(|&(_, name)| name)
    }

    /// Whether these bytes may become a line with one of the headers that are still `missing`.
    pub(super) fn may_start(bytes: &[u8], missing: impl Fn(Self, &str) -> bool) -> bool {
        let line_end = bytes.iter().position(|&byte| byte == b'\n');
        let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let colon = line.iter().position(|&byte| byte == b':');
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
        let Ok(name) = std::str::from_utf8(name) else {
            return false;
        };
        let start = trimmed(name);
        Self::SPELLINGS.iter().any(|(spelling, name)| {
            let fits = match (colon, line_end) {
                (Some(_), _) => start.len() == spelling.len() && begins(spelling, start),
                (None, None) => !line.starts_with(b"\r") && begins(spelling, start),
                (None, Some(_)) => false,
            };
            fits && missing(*name, spelling)
        })
    }
}

fn trimmed(name: &str) -> &str {
    name.trim_matches([' ', '\t'])
}

/// Whether a spelling begins with these characters, without regard to case. Blanks count as hyphens.
fn begins(spelling: &str, start: &str) -> bool {
    let folded = |byte: u8| if byte == b' ' { b'-' } else { byte.to_ascii_lowercase() };
    start.len() <= spelling.len()
        && spelling.bytes().zip(start.bytes()).all(|(expected, found)| expected == folded(found))
}

impl DocumentHead {
    /// Takes the value of a header; dates and free text that cannot be read are ignored.
    pub(super) fn set(&mut self, name: Name, value: &str) -> Result<(), SyntaxError> {
        match name {
            Name::Date => self.date = value.parse().ok(),
            Name::Os => self.os = value.parse().ok(),
            Name::LastModified => self.last_modified = value.parse().ok(),
            Name::ContentType => self.content_type = value.parse().ok(),
            Name::ContentRange => self.content_range = value.parse().ok(),
            Name::Digest => self.digest = value.parse().ok(),
            Name::ContentLength if self.content_length.is_some() => {
                return Err(SyntaxError::new("`Content-Length` once", "it again", "2.9"));
            }
            Name::ContentLength => {
                self.content_length = Some(value.parse::<ContentLength>()?.0);
            }
        }
        Ok(())
    }
}
