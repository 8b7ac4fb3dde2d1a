//! What SEARCH looks for (protocol.md section 4.10).

use std::fmt;
use std::str::FromStr;

use super::{SyntaxError, Title};

/// The words that a title must hold.
///
/// ```text
/// words = title-char *( *SP title-char )   ; a title that is not empty
/// ```
#[derive(Clone, Debug)]
pub struct Words {
    text: Title,
    /// The words as they are compared.
    folded: Box<[String]>,
}

impl Words {
    /// Whether a title holds every word, in any case and place: `congest` is in `TCP Congestion`.
    pub fn are_in(&self, title: &Title) -> bool {
        let title = title.as_str().to_lowercase();
        self.folded.iter().all(|word| title.contains(word))
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Words {}

impl FromStr for Words {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let text: Title = text.parse()?;
        let folded: Box<[String]> =
            text.as_str().split_whitespace().map(str::to_lowercase).collect();
        if folded.is_empty() {
            return Err(SyntaxError::at("at least one word to search for", "", "4.10"));
        }
        Ok(Self { text, folded })
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_in_any_case_and_place() {
        let title: Title = "TCP Congestion Control für ÄÖÜ".parse().unwrap();
        for (words, found) in [
            ("tcp", true),
            ("CONTROL tcp", true),
            ("congest", true),
            ("äöü", true),
            ("tcp udp", false),
            ("controls", false),
        ] {
            assert_eq!(words.parse::<Words>().unwrap().are_in(&title), found, "{words}");
        }
        assert!("".parse::<Words>().is_err());
        assert!(" \u{3000} ".parse::<Words>().is_err());
        assert!("a\u{1b}".parse::<Words>().is_err());
    }
}
