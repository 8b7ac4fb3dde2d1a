//! Lines of an exchange for a terminal.

use crate::escape::escaped;
use crate::transcript::{Explained, Kind, Side};

/// Characters of a line that are shown.
const WIDEST: usize = 200;

/// A line with its section of protocol.md and its meaning. `before` tells its connection; the meaning
/// begins at a column after it.
pub(in crate::cli) fn with_meaning(line: &Explained, before: &str, column: usize) -> String {
    let Explained { kind, section, meaning, .. } = line;
    let meaning = escaped(meaning);
    let width = before.chars().count();
    let indent = " ".repeat(width);
    match kind {
        Kind::Line(..) | Kind::Document(..) => {
            let text = format!("{before}{}", without_meaning(kind));
            if text.chars().count() < column + width {
                let width = column + width;
                format!("{text:width$} {section:<4} {meaning}")
            } else {
                format!("{text}\n{indent}{:column$} {section:<4} {meaning}", "")
            }
        }
        Kind::Fault => format!("{indent}   ! {meaning} (protocol.md section {section})"),
        Kind::Form => format!("{indent}   ~ {meaning} (protocol.md section {section})"),
        Kind::Note => format!("{before}-- {meaning}"),
    }
}

/// A line with the letter of its side, or the beginning of a document.
fn without_meaning(kind: &Kind) -> String {
    match kind {
        Kind::Line(side, bytes) => of_side(*side, bytes),
        Kind::Document(bytes, _) => of_side(Side::Server, bytes),
        Kind::Fault | Kind::Form | Kind::Note => String::new(),
    }
}

/// A line without its end, made safe for a terminal, after the letter of its side.
pub(super) fn of_side(side: Side, bytes: &[u8]) -> String {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = escaped(line).to_string();
    let mut characters = text.chars();
    let beginning: String = characters.by_ref().take(WIDEST).collect();
    let end = if characters.next().is_some() { " …" } else { "" };
    format!("{}: {beginning}{end}", side.letter())
}
