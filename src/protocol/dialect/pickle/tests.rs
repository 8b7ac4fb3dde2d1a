//! Values as Python writes them, and values that are refused.

use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn strings_lists_and_dictionaries_of_all_versions_are_read() {
    let list = Value::List(vec![text("ADD"), text("123"), text("h")]);
    let dictionary = Value::Dictionary(vec![(text("method"), text("ADD"))]);
    let table: [(&[u8], Value); 7] = [
        (b"S'LIST ALL\\nHost: h\\n'\np0\n.", text("LIST ALL\nHost: h\n")),
        (b"(lp0\nS'ADD'\np1\naI123\naS'h'\np2\na.", list.clone()),
        (b"]q\0(U\x03ADDq\x01K\x7bU\x01hq\x02e.", list.clone()),
        (b"\x80\x02]q\0(X\x03\0\0\0ADDq\x01K\x7bX\x01\0\0\0hq\x02e.", list.clone()),
        (b"\x80\x04\x95\x10\0\0\0\0\0\0\0]\x94(\x8c\x03ADD\x94K\x7b\x8c\x01h\x94e.", list),
        (b"(dp0\nS'method'\np1\nS'ADD'\np2\ns.", dictionary.clone()),
        (b"\x80\x04\x95\0\0\0\0\0\0\0\0}\x94\x8c\x06method\x94\x8c\x03ADD\x94s.", dictionary),
    ];
    for (bytes, expected) in table {
        assert_eq!(read(bytes), Ok((expected, bytes.len())), "{}", bytes.escape_ascii());
        for end in 0..bytes.len() {
            let part = bytes.get(..end).unwrap_or_default();
            assert_eq!(read(part), Err(Unreadable::Incomplete), "{}", part.escape_ascii());
        }
    }
}

#[test]
fn what_calls_functions_or_grows_is_refused() {
    let call: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
    let many = [&b"]("[..], &b"K\x01".repeat(MOST_VALUES + 1), b"e."].concat();
    let long: &[u8] = b"\x80\x02X\xff\xff\xff\x7f";
    let itself: &[u8] = b"]q\0h\0a.";
    let again = [&b"\x80\x02](X\0\x20\0\0"[..], &[b'x'; 8192], b"q\0", &b"h\0".repeat(400), b"e."];
    let again = again.concat();
    for bytes in [call, &many, &again, long, itself, b")(.", b"a.", b"(d)s"] {
        assert_eq!(read(bytes), Err(Unreadable::Refused), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_written_text_is_read_again() {
    let mut bytes = Vec::new();
    write_text(b"P2P-CI/1.0 200 OK\n", &mut bytes);
    assert_eq!(read(&bytes), Ok((text("P2P-CI/1.0 200 OK\n"), bytes.len())));
}
