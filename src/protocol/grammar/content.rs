//! The digest and the length of a record's document, which are not part of its line (protocol.md section 4.11).

use std::net::{IpAddr, Ipv4Addr};

use super::number::ContentLength;
use super::{Date, Digest, SyntaxError};

/// Digest and length of a holder's document, as the holder states them. They distinguish versions
/// of a document.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Content {
    /// The SHA-256 of the bytes.
    pub digest: Option<Digest>,
    /// The number of bytes.
    pub length: Option<u64>,
}

/// One attribute of a record, on a line of its own after the record.
///
/// ```text
/// attribute = "Digest:" SP digest CRLF / "Length:" SP content-length CRLF / "Added:" SP date CRLF
///           / "Address:" SP ip-address CRLF
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// The SHA-256 of the document.
    Digest(Digest),
    /// Its length in bytes.
    Length(u64),
    /// When the index added the record.
    Added(Date),
    /// The address for which the index verified the record's host. [`NO_ADDRESS`] if it cannot be read:
    /// then the holder cannot be verified, and its name must not be resolved instead.
    Address(IpAddr),
}

/// The address of no machine, to which no peer connects.
pub const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

impl Attribute {
    /// Reads the name and value of a header; `None` if it is another header, or unreadable and no
    /// address.
    pub(in crate::protocol) fn parse(name: &str, value: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "digest" => value.parse().ok().map(Self::Digest),
            "length" => value.parse().ok().map(|ContentLength(length)| Self::Length(length)),
            "added" => value.parse().ok().map(Self::Added),
            "address" => Some(Self::Address(value.parse().unwrap_or(NO_ADDRESS))),
            _ => None,
        }
    }
}

impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Digest(digest) => write!(f, "Digest: {digest}"),
            Self::Length(length) => write!(f, "Length: {length}"),
            Self::Added(date) => write!(f, "Added: {date}"),
            Self::Address(address) => write!(f, "Address: {address}"),
        }
    }
}

/// The value of an extension header. An unreadable value belongs to another extension of the same
/// name and is ignored.
pub(in crate::protocol) struct IfReadable<T>(pub(in crate::protocol) Option<T>);

impl<T: std::str::FromStr> std::str::FromStr for IfReadable<T> {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Ok(Self(text.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_read_and_print() {
        let digest = format!("Digest: sha-256={}", "0a".repeat(32));
        let others = ["Length: 0", "Added: Sun, 06 Nov 1994 08:49:37 GMT", "Address: 192.0.2.7"];
        for line in [digest.as_str(), "Address: 2001:db8::7"].into_iter().chain(others) {
            let (name, value) = line.split_once(": ").unwrap();
            let attribute = Attribute::parse(name, value).unwrap();
            assert_eq!(attribute.to_string(), line);
            assert_eq!(Attribute::parse(&name.to_uppercase(), value), Some(attribute));
        }
        for (name, value) in
            [("Digest", "md5=0"), ("Length", "-1"), ("Added", "today"), ("Color", "red")]
        {
            assert_eq!(Attribute::parse(name, value), None, "{name}: {value}");
        }
        for value in ["[::1]", "", "garbage", "192.0.2.7 192.0.2.8"] {
            let unusable = Some(Attribute::Address(NO_ADDRESS));
            assert_eq!(Attribute::parse("Address", value), unusable, "{value}");
        }
    }
}
