//! The secret that permits changes.

use std::fmt::{self, Formatter};
use std::hint::black_box;
use std::io;
use std::str::FromStr;

/// Bytes of a token.
const BYTES: usize = 32;

/// A secret of 256 bits.
#[derive(Clone)]
pub struct Token([u8; BYTES]);

/// A text is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a token of {} hexadecimal digits", 2 * BYTES)]
pub struct NoToken;

impl Token {
    /// A new token.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Its digits.
    pub fn digits(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a text is this token. The time does not depend on where they differ.
    pub(super) fn is(&self, text: &str) -> bool {
        let Ok(other) = text.parse::<Self>() else { return false };
        let differences = self.0.iter().zip(other.0).fold(0, |all, (one, other)| {
            // Otherwise the compiler could end the comparison early.
            black_box(all | (one ^ other))
        });
        differences == 0
    }
}

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let digits = text.as_bytes();
        if digits.len() != 2 * BYTES || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(NoToken);
        }
        let mut bytes = [0; BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NoToken)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoToken)?;
        }
        Ok(Self(bytes))
    }
}

/// A secret is not printed.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_digits() {
        let (token, other) = (Token::random().unwrap(), Token::random().unwrap());
        let digits = token.digits();
        assert_eq!(digits.len(), 64);
        assert_eq!(digits.parse::<Token>().unwrap().digits(), digits);
        assert!(token.is(&digits) && token.is(&digits.to_ascii_uppercase()));
        assert!(!token.is(&other.digits()) && !other.is(&digits));
        for text in
            ["", digits.get(1..).unwrap(), &format!("{digits}0"), &"+1".repeat(32), &"ä".repeat(32)]
        {
            assert_eq!(text.parse::<Token>().map(|_| ()), Err(NoToken), "{text}");
            assert!(!token.is(text));
        }
        assert!(!format!("{token:?}").contains(digits.get(..8).unwrap()));
    }
}
