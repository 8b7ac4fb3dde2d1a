//! Digests of documents (protocol.md section 5.5).

use std::fmt;
use std::str::FromStr;

use super::SyntaxError;

/// The SHA-256 of a document.
///
/// ```text
/// digest = "sha-256=" 64HEXDIG
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// A digest that was computed.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Digest {
    type Err = SyntaxError;

    /// Reads the value of the header; the hexadecimal digits may have either case.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let malformed = || SyntaxError::at("`sha-256=` with 64 hexadecimal digits", text, "5.5");
        let (algorithm, digits) = text.split_once('=').ok_or_else(malformed)?;
        if !algorithm.eq_ignore_ascii_case("sha-256")
            || digits.len() != 64
            || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Err(malformed());
        }
        let mut bytes = [0; 32];
        for (at, place) in bytes.iter_mut().enumerate() {
            let pair = digits.get(2 * at..2 * at + 2).ok_or_else(malformed)?;
            *place = u8::from_str_radix(pair, 16).map_err(|_| malformed())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha-256=")?;
        // Lists and journals have many digests, and formatting each byte takes several times as long.
        let mut digits = [0; 64];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [hexadecimal(byte >> 4), hexadecimal(byte & 0xf)];
        }
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

/// The digit of a value below 16.
fn hexadecimal(value: u8) -> u8 {
    match value {
        0..10 => b'0' + value,
        _ => b'a' + (value - 10),
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of `Want-Digest`: a list of algorithms that must include `sha-256`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::protocol) struct WantDigest(pub(in crate::protocol) bool);

impl FromStr for WantDigest {
    type Err = SyntaxError;

    /// A request for other algorithms is ignored.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let algorithms = text.split(',').map(|one| one.split(';').next().unwrap_or(one).trim());
        Ok(Self(algorithms.into_iter().any(|one| one.eq_ignore_ascii_case("sha-256"))))
    }
}

#[cfg(test)]
#[allow(clippy::string_slice, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn digests_read_and_print() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!("sha-256={hex}");
        let digest: Digest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        assert_eq!(format!("SHA-256={}", hex.to_uppercase()).parse(), Ok(digest));
        for text in [
            "",
            "sha-256",
            "sha-256=",
            hex,
            &text[..71],
            &format!("{text}0"),
            &format!("md5={hex}"),
            &format!("sha-256=+{}", &hex[1..]),
            &format!("sha-256=é{}", &hex[2..]),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn sha_256_may_be_one_of_several_that_are_wanted() {
        for (text, wanted) in [
            ("sha-256", true),
            ("SHA-256", true),
            ("md5, sha-256;q=0.5", true),
            ("sha-512", false),
            ("", false),
        ] {
            assert_eq!(text.parse(), Ok(WantDigest(wanted)), "{text:?}");
        }
    }
}
