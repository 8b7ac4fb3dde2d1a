//! Text in lines that fit, broken between words.

use std::borrow::Cow;
use std::io::{self, IsTerminal};

use console::strip_ansi_codes;

use super::table::shown_width;
use super::terminal::{error_width, reported_error_width, reported_width};

/// The columns by which the further lines of a broken line are indented.
const HANGING: usize = 2;

/// Text for standard error. If that is a terminal, longer lines are broken between words.
pub(in crate::cli) fn for_standard_error(text: &str) -> Cow<'_, str> {
    fitted(text, reported_error_width(), "")
}

/// The same for standard output. `kept` is a part that is not broken at its blanks, such as a path.
pub(in crate::cli) fn for_standard_output<'a>(text: &'a str, kept: &str) -> Cow<'a, str> {
    fitted(text, reported_width(), kept)
}

/// The text for a terminal of this width, if it is one, with longer lines broken between words, and `kept` not
/// broken.
pub(in crate::cli) fn fitted<'a>(text: &'a str, width: Option<usize>, kept: &str) -> Cow<'a, str> {
    match width {
        Some(width) if text.lines().any(|line| columns(line) > width) => {
            let lines: Vec<String> =
                text.split('\n').map(|line| broken(line, width, kept)).collect();
            lines.join("\n").into()
        }
        _ => text.into(),
    }
}

/// The line in lines of at most this width. A longer word has a line of its own, so an address and a path
/// without a blank are never broken.
fn broken(line: &str, width: usize, kept: &str) -> String {
    if columns(line) <= width {
        return line.into();
    }
    let indent = indent_of(line, width);
    let (mut text, mut column) = (String::new(), 0);
    let mut rest = line;
    while !rest.is_empty() {
        let from_word = rest.trim_start_matches(' ');
        let blanks = rest.len() - from_word.len();
        let end = match from_word.strip_prefix(kept) {
            Some(after) if !kept.is_empty() => kept.len() + end_of_word(after, 0),
            _ => end_of_word(from_word, width.saturating_sub(indent)),
        };
        let (word, after) = from_word.split_at_checked(end).unwrap_or((from_word, ""));
        let is_first = text.trim_start_matches(' ').is_empty();
        if is_first || column + blanks + columns(word) <= width {
            text.push_str(&format!("{:blanks$}{word}", ""));
            column += blanks + columns(word);
        } else if !word.is_empty() {
            text.push_str(&format!("\n{:indent$}{word}", ""));
            column = indent + columns(word);
        }
        rest = after;
    }
    text
}

/// The bytes of the word with which the text begins. What backquotes enclose is one word if it fits on a line.
fn end_of_word(text: &str, width: usize) -> usize {
    let mut ends = text.match_indices(' ').map(|(at, _)| at).chain([text.len()]);
    let first = ends.clone().next().unwrap_or(text.len());
    let is_closed = |end: usize| {
        text.get(..end).is_some_and(|word| word.matches('`').count().is_multiple_of(2))
    };
    let closed = ends.find(|end| is_closed(*end));
    closed
        .filter(|end| text.get(..*end).is_some_and(|word| columns(word) <= width))
        .unwrap_or(first)
}

/// The columns by which the lines after the first are indented: to the last column of a line with several, which
/// are separated by two blanks or more, unless little room is left there.
fn indent_of(line: &str, width: usize) -> usize {
    let leading = line.len() - line.trim_start_matches(' ').len();
    let last = line.trim().rsplit_once("  ").map_or(0, |(before, _)| leading + columns(before) + 2);
    match last {
        last if last > leading && last <= width * 3 / 4 => last,
        _ if leading <= width / 2 => leading + HANGING,
        _ => HANGING,
    }
}

/// The columns of a text, which may have colours.
fn columns(text: &str) -> usize {
    shown_width(&strip_ansi_codes(text))
}

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

    #[test]
    fn long_lines_of_messages_are_broken_at_blanks() {
        for (text, width, expected) in [
            ("one two three", 13, "one two three"),
            ("one two three", 9, "one two\n  three"),
            ("registered with 127.0.0.1:7734", 20, "registered with\n  127.0.0.1:7734"),
            ("a 127.0.0.1:7734 b", 7, "a\n  127.0.0.1:7734\n  b"),
            ("short\none two three", 9, "short\none two\n  three"),
            ("  tip: one two three", 12, "  tip: one\n    two\n    three"),
            ("get  Save one document", 15, "get  Save one\n     document"),
            ("far away from it  one two", 20, "far away from it\n  one two"),
            ("use `get --out PATH` now", 16, "use `get --out\n  PATH` now"),
            ("use `get --out PATH` now", 18, "use\n  `get --out PATH`\n  now"),
            ("\u{1b}[31mpeer:\u{1b}[0m one", 9, "\u{1b}[31mpeer:\u{1b}[0m one"),
            ("größere Wörter", 8, "größere\n  Wörter"),
            ("which one, 1 to 3? ", 10, "which one,\n  1 to 3? "),
            ("a `b c d e f g", 6, "a `b c\n  d e\n  f g"),
            ("", 5, ""),
        ] {
            assert_eq!(fitted(text, Some(width), ""), expected, "{text:?} in {width} columns");
            assert_eq!(fitted(text, None, ""), text);
        }
        let saved = "saved as a/long path (8 ms)";
        assert_eq!(fitted(saved, Some(13), "a/long path"), "saved as\n  a/long path\n  (8 ms)");
        assert_eq!(
            fitted(saved, Some(5), "a/long path"),
            "saved\n  as\n  a/long path\n  (8\n  ms)"
        );
    }
}
