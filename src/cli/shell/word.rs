//! The word at the cursor, and how a candidate is quoted in its place. The rules are those with which a line
//! is split (`shlex`).

/// The last word of an unfinished line.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Word {
    /// Its first byte in the line, which may be a quote.
    pub(super) start: usize,
    /// Its text without quotes.
    pub(super) text: String,
    /// The quote that is open at the cursor.
    pub(super) quote: Option<char>,
}

/// Splits a line before the cursor into complete words and the word at the cursor.
pub(super) fn split(line: &str) -> (Vec<String>, Word) {
    let mut earlier = Vec::new();
    let mut word = Word { start: 0, text: String::new(), quote: None };
    let mut has_begun = false;
    let mut characters = line.char_indices();
    while let Some((at, character)) = characters.next() {
        match (word.quote, character) {
            (None, character) if character.is_ascii_whitespace() => {
                if has_begun {
                    earlier.push(std::mem::take(&mut word.text));
                }
                has_begun = false;
                continue;
            }
            (None, '"' | '\'') => word.quote = Some(character),
            (Some(quote), character) if character == quote => word.quote = None,
            (None, '\\') => word.text.extend(characters.next().map(|(_, escaped)| escaped)),
            (Some('"'), '\\') => match characters.next() {
                Some((_, escaped @ ('"' | '\\' | '$' | '`'))) => word.text.push(escaped),
                Some((_, other)) => word.text.extend(['\\', other]),
                None => word.text.push('\\'),
            },
            (_, character) => word.text.push(character),
        }
        if !has_begun {
            (has_begun, word.start) = (true, at);
        }
    }
    if !has_begun {
        word.start = line.len();
    }
    (earlier, word)
}

/// Whether a word is read as it is.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || "'\"\\#".contains(c))
}

/// The text in the quotes in which it is read as one word. `open` is the quote that the user has typed.
pub(super) fn quoted(text: &str, open: Option<char>) -> String {
    match open {
        Some('\'') if !text.contains('\'') => format!("'{text}'"),
        _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_the_cursor() {
        for (line, earlier, start, text, quote) in [
            ("", "", 0, "", None),
            ("ge", "", 0, "ge", None),
            ("get ", "get", 4, "", None),
            ("get  a b", "get|a", 7, "b", None),
            ("get \"a b\" c", "get|a b", 10, "c", None),
            ("get \"a b", "get", 4, "a b", Some('"')),
            ("get 'a b", "get", 4, "a b", Some('\'')),
            ("get a\\ b", "get", 4, "a b", None),
            ("get x\"a b", "get", 4, "xa b", Some('"')),
            ("get \"it's", "get", 4, "it's", Some('"')),
            ("get \"", "get", 4, "", Some('"')),
        ] {
            let (words, word) = split(line);
            let expected = Word { start, text: text.into(), quote };
            assert_eq!((words.join("|"), word), (earlier.into(), expected), "{line:?}");
        }
    }

    #[test]
    fn a_quoted_text_is_read_as_one_word() {
        for text in ["a b", "it's", "say \"a\"", "a\\b", "a#b", "a'b\"c", "$HOME `x`"] {
            for open in [None, Some('"'), Some('\'')] {
                let line = quoted(text, open);
                assert_eq!(shlex::split(&line), Some(vec![text.to_string()]), "{line}");
            }
        }
        assert_eq!(quoted("a b", Some('\'')), "'a b'");
    }
}
