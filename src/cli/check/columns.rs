//! Bytes as text of a given width, and two such texts side by side.

/// Lines of a side that are shown.
const LINES: usize = 12;

/// Bytes of a side that are shown.
const BYTES: usize = 1_500;

/// The first bytes as lines of at most this width. All bytes but printable ones of US-ASCII are escaped.
pub(in crate::cli) fn lines(bytes: &[u8], width: usize) -> Vec<String> {
    let all = bytes.len();
    let mut lines = escaped_lines(bytes.get(..BYTES).unwrap_or(bytes), width);
    if lines.len() > LINES || all > BYTES {
        lines.truncate(LINES);
        lines.push(format!("... ({all} bytes)"));
    }
    lines
}

/// The last bytes in the same way.
pub(super) fn last_lines(bytes: &[u8], width: usize) -> Vec<String> {
    let all = bytes.len();
    let mut lines = escaped_lines(bytes.get(all.saturating_sub(BYTES)..).unwrap_or(bytes), width);
    if lines.len() > LINES || all > BYTES {
        lines.drain(..lines.len().saturating_sub(LINES));
        lines.insert(0, format!("({all} bytes) ..."));
    }
    lines
}

fn escaped_lines(bytes: &[u8], width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for byte in bytes {
        let shown = match byte {
            b'\r' => "\\r".into(),
            b'\n' => "\\n".into(),
            b'\t' => "\\t".into(),
            b'\\' => "\\\\".into(),
            b' '..=b'~' => char::from(*byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        };
        match lines.last_mut() {
            Some(last) if last.len().saturating_add(shown.len()) <= width => last.push_str(&shown),
            _ => lines.push(shown),
        }
        if *byte == b'\n' {
            lines.push(String::new());
        }
    }
    if lines.last().is_some_and(String::is_empty) && lines.len() > 1 {
        lines.pop();
    }
    lines
}

/// Two sides of this width, with a bar between them.
pub(in crate::cli) fn side_by_side(left: &[String], right: &[String], width: usize) -> Vec<String> {
    let side = |lines: &[String], place| lines.get(place).cloned().unwrap_or_default();
    (0..left.len().max(right.len()))
        .map(|place| format!("{:width$} | {}", side(left, place), side(right, place)))
        .map(|line| line.trim_end().to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_output_is_shown() {
        let output: String = (1..=40).map(|line| format!("line {line}\n")).collect();
        let shown = last_lines(output.as_bytes(), 40);
        assert_eq!(shown.len(), 1 + LINES);
        assert_eq!(shown.first().unwrap(), "(311 bytes) ...");
        assert_eq!(shown.last().unwrap(), "line 40\\n");
        assert_eq!(last_lines(b"a\nb", 40), ["a\\n", "b"]);
    }

    #[test]
    fn bytes_are_escaped_and_fitted() {
        assert_eq!(lines(b"a\r\n\r\n\xc3\x1b\\", 20), [r"a\r\n", r"\r\n", r"\xc3\x1b\\"]);
        assert_eq!(lines(b"abcdef\x00", 4), ["abcd", "ef", r"\x00"]);
        assert_eq!(lines(b"", 4), [""]);
        assert_eq!(lines(&[b'\n'; 40], 4).last().unwrap(), "... (40 bytes)");
        let (left, right) = (lines(b"a", 3), lines(b"b\nc\n", 3));
        assert_eq!(side_by_side(&left, &right, 3), [r"a   | b\n", r"    | c\n"]);
    }
}
