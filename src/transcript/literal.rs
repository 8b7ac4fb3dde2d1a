//! Bytes as literals of Python: `b'ADD RFC 1 P2P-CI/1.0\r\n'`.

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
/// beginning, the number of bytes that are missing, and its end.
pub fn shortened(text: &str) -> Option<(Vec<u8>, u64, Vec<u8>)> {
    let Some((first, rest)) = text.split_once(" ...<") else {
        return Some((literal(text)?, 0, Vec::new()));
    };
    let (total, last) = rest.split_once(" bytes total>... ")?;
    let (first, last) = (literal(first)?, literal(last)?);
    let missing = total.parse::<u64>().ok()?.checked_sub((first.len() + last.len()) as u64)?;
    Some((first, missing, last))
}

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
        assert_eq!(shortened("b'abc' ...<2 bytes total>... b'abc'"), None);
    }
}
