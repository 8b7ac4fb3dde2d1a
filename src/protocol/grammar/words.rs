//! The words of titles, and whether a title matches a query (protocol.md section 4.10).
//!
//! An index server and a peer that searches a list use the same code, so both find the same
//! records.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::{SyntaxError, Title};
use crate::limits;

/// The words of a query.
///
/// ```text
/// words = title-char *( *SP title-char )   ; a title with at least one letter or digit
/// ```
#[derive(Clone, Debug)]
pub struct Words {
    text: Title,
    words: Box<[Word]>,
}

impl Words {
    /// Whether each word of the query is the beginning of a word of the title: `congest` matches
    /// `TCP Congestion`, and `gest` does not.
    pub fn are_in(&self, title: &Title) -> bool {
        let mut found = [false; limits::QUERY_WORDS];
        for word in title_words(title) {
            for (found, wanted) in found.iter_mut().zip(&self.words) {
                *found |= word.starts_with(wanted);
            }
        }
        found.iter().zip(&self.words).all(|(found, _)| *found)
    }

    /// The words, none of which is the beginning of another one.
    pub fn iter(&self) -> impl Iterator<Item = &Word> {
        self.words.iter()
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
        let title: Title = text.parse()?;
        let mut words: Vec<Word> = Vec::new();
        for word in title_words(&title) {
            // A word that another word of the query begins with matches wherever that one does.
            if words.iter().any(|other| other.starts_with(&word)) {
                continue;
            }
            words.retain(|other| !word.starts_with(other));
            if words.len() < limits::QUERY_WORDS {
                words.push(word);
            }
        }
        if words.is_empty() {
            return Err(SyntaxError::at(
                "at least one letter or digit to search for",
                text,
                "4.10",
            ));
        }
        Ok(Self { text: title, words: words.into() })
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// A word in the form that is compared: folded, and truncated to [`limits::WORD`] characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Word {
    chars: [char; limits::WORD],
    count: usize,
}

impl Word {
    const EMPTY: Self = Self { chars: ['\0'; limits::WORD], count: 0 };

    /// Its characters; there is at least one.
    pub fn chars(&self) -> &[char] {
        self.chars.get(..self.count).unwrap_or_default()
    }

    /// Whether it begins with another word, or equals it.
    pub fn starts_with(&self, beginning: &Self) -> bool {
        self.chars().starts_with(beginning.chars())
    }

    /// Its first characters.
    pub fn beginning(&self, length: usize) -> Self {
        let mut beginning = Self::EMPTY;
        self.chars().iter().take(length).for_each(|character| beginning.push(*character));
        beginning
    }

    /// How many characters it shares with another word from the beginning.
    pub fn common(&self, other: &Self) -> usize {
        let pairs = self.chars().iter().zip(other.chars());
        pairs.take_while(|(one, other)| one == other).count()
    }

    /// Appends a character, or drops it if the word is full.
    fn push(&mut self, character: char) {
        if let Some(place) = self.chars.get_mut(self.count) {
            *place = character;
            self.count += 1;
        }
    }
}

/// The words of a title that are searched: the first [`limits::TITLE_WORDS`].
pub fn title_words(title: &Title) -> impl Iterator<Item = Word> {
    words_of(title.as_str()).take(limits::TITLE_WORDS)
}

/// The words of a text: its longest runs of letters and digits.
fn words_of(text: &str) -> impl Iterator<Item = Word> {
    let mut folded = text.chars().flat_map(folded);
    // A character that was read and not used yet.
    let mut next = None;
    std::iter::from_fn(move || {
        let mut word = Word::EMPTY;
        while let Some(character) = next.take().or_else(|| folded.next()) {
            if is_ideograph(character) && character.is_alphanumeric() {
                if word.count > 0 {
                    next = Some(character);
                } else {
                    word.push(character);
                }
                break;
            }
            if character.is_alphanumeric() {
                word.push(character);
            } else if word.count > 0 {
                break;
            }
        }
        (word.count > 0).then_some(word)
    })
}

/// The folded form of a character: without compatibility variants, accents and case.
fn folded(character: char) -> impl Iterator<Item = char> {
    let ascii = character.is_ascii().then(|| character.to_ascii_lowercase());
    let other = (!character.is_ascii()).then_some(character);
    // Several times, because some letters have two forms of one case.
    let other = other.into_iter().nfkd().filter(|part| canonical_combining_class(*part) == 0);
    ascii.into_iter().chain(
        other
            .flat_map(char::to_lowercase)
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase),
    )
}

/// Whether the character belongs to a script without blanks between words: Han, Hiragana,
/// Katakana, Bopomofo. Each such character is a word.
fn is_ideograph(character: char) -> bool {
    matches!(
        character,
        '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_in(words: &str, title: &str) -> bool {
        words.parse::<Words>().unwrap().are_in(&title.parse().unwrap())
    }

    #[test]
    fn every_word_begins_a_word_of_the_title() {
        let title = "TCP/IP Congestion Control (2nd) für ÄÖÜ, 日本語";
        for (words, found) in [
            ("tcp", true),
            ("CONTROL tcp", true),
            ("congest", true),
            ("ip tcp", true),
            ("tcp/ip", true),
            ("äöü", true),
            ("A\u{308}O\u{308}", true),
            ("fur", true),
            ("FÜR", true),
            ("2", true),
            ("本", true),
            ("語日", true),
            ("tcp tcp t", true),
            ("gestion", false),
            ("tcp udp", false),
            ("controls", false),
        ] {
            assert_eq!(are_in(words, title), found, "{words}");
        }
    }

    #[test]
    fn case_is_folded_in_every_language() {
        for (words, title) in [
            ("istanbul", "İSTANBUL"),
            ("ISTANBUL", "ıstanbul"),
            ("strasse", "Straße"),
            ("STRAẞE", "strasse"),
            ("ΟΔΟΣ", "οδος"),
            ("οδοσ", "ΟΔΟΣ"),
            ("file", "ﬁle"),
            ("k", "\u{212a}"),
            ("привет", "ПРИВЕТ"),
        ] {
            assert!(are_in(words, title) && are_in(title, words), "{words} {title}");
        }
    }

    #[test]
    fn a_query_has_a_word() {
        for words in ["", " \u{3000} ", "a\u{1b}", "+++", "\u{301}"] {
            assert!(words.parse::<Words>().is_err(), "{words:?}");
        }
    }

    #[test]
    fn words_and_their_number_are_bounded() {
        let long = "x".repeat(500);
        assert!(are_in(&long, &"x".repeat(limits::WORD)));
        assert!(!are_in(&long, &"x".repeat(limits::WORD - 1)));
        // The first words of a title count, and the first different ones of a query.
        let numbers: Vec<String> = (10..100).map(|number| number.to_string()).collect();
        let last = |count: usize| numbers[count - 1].as_str();
        let title = numbers.join(" ");
        assert!(are_in(last(limits::TITLE_WORDS), &title));
        assert!(!are_in(last(limits::TITLE_WORDS + 1), &title));
        let query = format!("{0} {0} 1", numbers[..limits::QUERY_WORDS].join(" "));
        assert!(are_in(&format!("{query} never"), &title));
        assert!(!are_in(&format!("never {query}"), &title));
        assert!(are_in(&title, &title));
    }
}
