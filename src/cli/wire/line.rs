//! Lines of an exchange for a terminal.

use crate::cli::output::wrapping::{fitted, wrapped};
use crate::escape::escaped;
use crate::transcript::{Explained, Kind, Side};

/// Characters of a line that are shown.
const WIDEST: usize = 200;

/// Columns of a section, with the blank after it.
const SECTION: usize = 5;

/// The columns for a meaning beside its line. In a narrower terminal it is below the line.
const ROOM: usize = 20;

/// The columns before a meaning below its line.
const BELOW: usize = 4;

/// A line with its section of protocol.md and its meaning. `before` tells its connection; the meaning
/// begins at a column after it, and is broken between words on a screen of this width. The line is as it was
/// sent, so it is never broken.
pub(in crate::cli) fn with_meaning(
    line: &Explained,
    before: &str,
    column: usize,
    screen: Option<usize>,
) -> String {
    let Explained { kind, section, meaning, .. } = line;
    let meaning = escaped(meaning).to_string();
    let width = before.chars().count();
    let beside = column + width;
    let is_beside = screen.is_none_or(|screen| screen >= beside + 1 + SECTION + ROOM);
    let indent = " ".repeat(if is_beside { width } else { 1 });
    let rest = match kind {
        Kind::Line(..) | Kind::Document(..) => {
            let column = if is_beside { beside + 1 } else { BELOW };
            let text = format!("{before}{}", without_meaning(kind));
            let explained = explained(section, &meaning, column, screen);
            return match is_beside && text.chars().count() < beside {
                true => format!("{text:column$}{explained}"),
                false => format!("{text}\n{:column$}{explained}", ""),
            };
        }
        Kind::Fault => format!("{indent}   ! {meaning} (protocol.md section {section})"),
        Kind::Form => format!("{indent}   ~ {meaning} (protocol.md section {section})"),
        Kind::Note => format!("{before}-- {meaning}"),
    };
    fitted(&rest, screen, "").into_owned()
}

/// A section and a meaning that begin at this column.
fn explained(section: &str, meaning: &str, column: usize, screen: Option<usize>) -> String {
    let from = column + SECTION;
    let lines = match screen {
        Some(screen) => wrapped(meaning, screen.saturating_sub(from)),
        None => vec![meaning.into()],
    };
    format!("{section:<4} {}", lines.join(&format!("\n{:from$}", "")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_are_broken_between_words() {
        let line = |kind| Explained {
            stream: String::new(),
            time: None,
            kind,
            section: "2.6",
            meaning: "the host of the upload server of the peer".into(),
        };
        let host = || line(Kind::Line(Side::Client, b"Host: peer\r\n".to_vec()));
        let long = line(Kind::Line(Side::Client, b"Host: peer.example.org\r\n".to_vec()));
        let sent = "a → b C: Host: peer      ";
        let expected =
            format!("{sent}2.6  the host of the\n{:30}upload server of the\n{:30}peer", "", "");
        assert_eq!(with_meaning(&host(), "a → b ", 18, Some(50)), expected);
        let whole = format!("{sent}2.6  the host of the upload server of the peer");
        assert_eq!(with_meaning(&host(), "a → b ", 18, None), whole);
        for screen in [None, Some(150)] {
            let expected = format!(
                "a → b C: Host: peer.example.org\n{:25}2.6  the host of the upload server of the peer",
                ""
            );
            assert_eq!(with_meaning(&long, "a → b ", 18, screen), expected);
        }
        // Below the line, which is as it was sent.
        let expected = "a → b C: Host: peer.example.org\n    2.6  the host of the\n         \
                        upload server of\n         the peer";
        assert_eq!(with_meaning(&long, "a → b ", 18, Some(26)), expected);
        let expected = "    ! the host of the upload\n      server of the peer\n      \
                        (protocol.md section 2.6)";
        assert_eq!(with_meaning(&line(Kind::Fault), "a → b ", 18, Some(31)), expected);
    }
}
