//! Bytes as literals of Python: `b'ADD RFC 1 P2P-CI/1.0\r\n'`.

use crate::limits;

/// The bytes of a literal.
pub(super) fn literal(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix('b')?;
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let text = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        let byte = match char {
            '\\' => match rest.next()? {
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'x' => {
                    let digits: String = rest.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).ok()?
                }
                other => u8::try_from(other).ok()?,
            },
            char => u8::try_from(char).ok()?,
        };
        bytes.push(byte);
    }
    Some(bytes)
}

/// A literal, possibly shortened in the middle: `b'…' ...<1024 bytes total>... b'…'`. Returns its
/// beginning, the number of bytes that are missing, and its end. Padding of a message is not missing.
pub fn shortened(text: &str) -> Option<(Vec<u8>, u64, Vec<u8>)> {
    let Some((first, rest)) = text.split_once(" ...<") else {
        return Some((literal(text)?, 0, Vec::new()));
    };
    let (total, last) = rest.split_once(" bytes total>... ")?;
    let (first, last) = (literal(first)?, literal(last)?);
    let missing = total.parse::<u64>().ok()?.checked_sub((first.len() + last.len()) as u64)?;
    match padding(&first, missing, &last) {
        Some(padding) => Some(([first, padding, last].concat(), 0, Vec::new())),
        None => Some((first, missing, last)),
    }
}

/// The missing bytes, if the message is filled with one byte: what was recorded before and after them is padding.
fn padding(first: &[u8], missing: u64, last: &[u8]) -> Option<Vec<u8>> {
    let byte = *last.first().filter(|byte| b"~!".contains(byte))?;
    let is_filled =
        first.ends_with(&[byte; limits::PADDING]) && last.iter().all(|&one| one == byte);
    let is_message = first.windows(NAME.len()).any(|one| one == NAME);
    let missing = usize::try_from(missing).ok().filter(|&missing| missing <= limits::HEAD)?;
    (is_filled && is_message).then(|| vec![byte; missing])
}

/// What every request line and status line has.
const NAME: &[u8] = b"P2P-CI";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read() {
        assert_eq!(literal(r#"b'a\r\n\x80\\\'"'"#).unwrap(), b"a\r\n\x80\\'\"");
        assert_eq!(literal(r#"b"it's""#).unwrap(), b"it's");
        assert_eq!(literal("'a'"), None);
        let expected = (b"ab".to_vec(), 2, b"cd".to_vec());
        assert_eq!(shortened("b'ab' ...<6 bytes total>... b'cd'"), Some(expected));
        let padded = "b'LIST ALL P2P-CI/1.0\\n~~~~~~~~' ...<64 bytes total>... b'~~~'";
        let message = [b"LIST ALL P2P-CI/1.0\n".to_vec(), vec![b'~'; 44]].concat();
        assert_eq!(shortened(padded), Some((message, 0, vec![])));
        for other in [padded.replace("P2P-CI", "x"), padded.replace("'~~~'", "'~~x'")] {
            assert!(shortened(&other).is_some_and(|(_, missing, _)| missing > 0), "{other}");
        }
        assert_eq!(shortened("b'abc' ...<2 bytes total>... b'abc'"), None);
    }
}
