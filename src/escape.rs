//! Text from others, made safe for a terminal and a log (protocol.md section 9).
//!
//! A control byte can move the cursor, a bidi control can reorder what is read, a line end can
//! forge a log line. All of them, and bytes that are no UTF-8, become visible escapes. The escape
//! character itself is left alone: what is shown is for people, and is never read back. JSON is read
//! back: there the escapes are those of JSON, and a parser gets the original text.

use std::fmt::{self, Display, Write};
use std::path::Path;

/// Shows text with everything unprintable escaped, on one line.
///
/// ```
/// assert_eq!(p2p_ci::escape::escaped("RFC\u{1b}[31m").to_string(), "RFC\\x1b[31m");
/// assert_eq!(p2p_ci::escape::escaped(b"caf\xe9").to_string(), "caf\\xe9");
/// ```
pub fn escaped<B: AsRef<[u8]> + ?Sized>(text: &B) -> Escaped<'_> {
    Escaped(text.as_ref())
}

/// Shows a path in the same way.
pub fn escaped_path<P: AsRef<Path> + ?Sized>(path: &P) -> Escaped<'_> {
    Escaped(path.as_ref().as_os_str().as_encoded_bytes())
}

/// The [`Display`] that [`escaped`] returns.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(&'a [u8]);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some((at, character)) = rest.char_indices().find(|(_, c)| is_escaped(*c)) {
                let (shown, next) = rest.split_at_checked(at).unwrap_or((rest, ""));
                f.write_str(shown)?;
                match character.is_control() {
                    true => write!(f, "\\x{:02x}", u32::from(character))?,
                    false => write!(f, "{}", character.escape_unicode())?,
                }
                rest = next.get(character.len_utf8()..).unwrap_or_default();
            }
            f.write_str(rest)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// JSON text on one line in which every character that [`escaped`] escapes is written as `\uXXXX`.
/// A parser reads the same values from it.
///
/// ```
/// let text = serde_json::json!({"title": "a\u{202e}b\u{9b}"}).to_string();
/// let shown = p2p_ci::escape::escaped_json(&text);
/// assert_eq!(shown, r#"{"title":"a\u202eb\u009b"}"#);
/// ```
pub fn escaped_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        // A serializer has escaped all other control characters, and outside of strings there are
        // none of these.
        if matches!(character, '\u{7f}'..='\u{9f}') || is_invisible(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether [`escaped`] shows a text unchanged.
pub fn is_shown_as_it_is(text: &str) -> bool {
    !text.contains(is_escaped)
}

fn is_escaped(character: char) -> bool {
    // Most text is ASCII.
    character.is_control() || (!character.is_ascii() && is_invisible(character))
}

/// Characters that change how adjacent ones are shown, or break a line, without being seen.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// A piece of input for an error message: quoted, escaped, and cut after 60 characters.
pub fn excerpt<B: AsRef<[u8]> + ?Sized>(text: &B) -> String {
    const SHOWN: usize = 60;
    let bytes = text.as_ref();
    // Escaping never shortens, so this many bytes are enough to fill the excerpt.
    let head = bytes.get(..4 * SHOWN).unwrap_or(bytes);
    let shown = escaped(head).to_string();
    // Within quotes another blank than that of ASCII could not be told from it.
    let is_odd_blank = |c: char| c.is_whitespace() && c != ' ';
    let shown: String = shown
        .chars()
        .map(|c| if is_odd_blank(c) { c.escape_unicode().to_string() } else { c.to_string() })
        .collect();
    if shown.chars().nth(SHOWN).is_none() {
        return format!("`{shown}`");
    }
    let shown: String = shown.chars().take(SHOWN).collect();
    format!("`{shown}…`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_reaches_the_terminal_raw_unless_it_prints() {
        for byte in 0..=255u8 {
            let shown = escaped(&[byte]).to_string();
            assert!(
                shown.chars().all(|c| !c.is_control() && !is_invisible(c)),
                "byte {byte:#04x} is shown as {shown:?}"
            );
        }
    }

    #[test]
    fn what_is_around_an_escaped_character_stays() {
        for (text, shown) in [
            ("", ""),
            ("\u{1b}", "\\x1b"),
            ("é\u{202e}ö\u{9b}\nx", "é\\u{202e}ö\\x9b\\x0ax"),
            ("\u{feff}\u{7f}", "\\u{feff}\\x7f"),
        ] {
            assert_eq!(escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn every_control_character_is_escaped() {
        for character in ('\u{0}'..='\u{10ffff}').filter(|&c| c.is_control() || is_invisible(c)) {
            let shown = escaped(&character.to_string()).to_string();
            assert!(shown.starts_with('\\'), "{character:?} is shown as {shown:?}");
        }
    }

    #[test]
    fn json_shows_nothing_invisible_and_keeps_every_value() {
        let text: String =
            ('\u{0}'..='\u{10ffff}').filter(|c| c.is_control() || is_invisible(*c)).collect();
        let value = serde_json::json!({"title": text, "é\u{202e}": "ü \"quoted\" \\u202e"});
        let shown = escaped_json(&value.to_string());
        assert!(shown.chars().all(|c| !c.is_control() && !is_invisible(c)), "{shown}");
        assert!(shown.contains('é') && shown.contains("\\udb40"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn excerpts_are_short() {
        assert_eq!(excerpt("ADD"), "`ADD`");
        assert_eq!(excerpt(&[0x80; 1000]).chars().count(), 63);
        assert_eq!(excerpt(""), "``");
        assert_eq!(excerpt("a\u{a0}b c"), "`a\\u{a0}b c`");
    }
}
