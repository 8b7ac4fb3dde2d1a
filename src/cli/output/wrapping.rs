//! Text in lines that fit, broken between words.

use std::io::{self, IsTerminal};

use super::table::shown_width;
use super::terminal::error_width;

/// The text in lines of at most this width. A longer word has a line of its own.
pub(in crate::cli) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.is_empty() => last.push_str(word),
            Some(last) if shown_width(last) + 1 + shown_width(word) <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// The text after a label, for standard error: on a terminal in lines that fit, below each other.
pub(in crate::cli) fn labelled(label: &str, text: &str) -> String {
    if !io::stderr().is_terminal() {
        return format!("{label}{text}");
    }
    below_each_other(label, text, error_width())
}

fn below_each_other(label: &str, text: &str, width: usize) -> String {
    let indent = shown_width(label);
    let lines = wrapped(text, width.saturating_sub(indent));
    format!("{label}{}", lines.join(&format!("\n{:indent$}", "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("größere Wörter", 7), ["größere", "Wörter"]);
        assert_eq!(wrapped("a 127.0.0.1:7734 b", 7), ["a", "127.0.0.1:7734", "b"]);
        assert_eq!(below_each_other("  6  ", "one two three", 13), "  6  one two\n     three");
        assert_eq!(below_each_other("", "one two", 80), "one two");
    }
}
