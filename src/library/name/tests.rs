//! Tests of names and documents.

use super::*;

#[test]
fn file_names_and_their_documents() {
    for (name, document) in [
        ("rfc793.txt", Some("RFC 793")),
        ("RFC793.TXT", Some("RFC 793")),
        ("rfc0793.txt", Some("RFC 793")),
        ("rfc793-tcp.txt", Some("RFC 793")),
        ("rfc90001.txt", Some("RFC 90001")),
        ("rfc.txt", Some("FILE rfc.txt")),
        ("rfc0.txt", Some("FILE rfc0.txt")),
        ("rfc793.pdf", Some("FILE rfc793.pdf")),
        ("rfc-index.txt", Some("FILE rfc-index.txt")),
        ("rfc1234567890.txt", Some("FILE rfc1234567890.txt")),
        ("lecture 01.pdf", Some("FILE lecture%2001.pdf")),
        ("rfc793.txt.gz", Some("RFC 793")),
        ("rfc793.json.gz", Some("FILE rfc793.json.gz")),
        ("old/std/rfc793.txt.gz", Some("RFC 793")),
        ("notes/a.md", Some("FILE notes%2Fa.md")),
        (".hidden", None),
        (".git/config", None),
        ("../up", None),
        ("/etc/passwd", None),
        ("back\\slash", None),
        ("new\nline", None),
    ] {
        let found = document_of(name).map(|document| document.wire().to_string());
        assert_eq!(found.as_deref(), document, "{name:?}");
    }
}

fn file(name: &str) -> Document {
    Document::File(FileName::from_decoded(name).unwrap())
}

#[test]
fn a_saved_document_is_itself_again() {
    assert_eq!(file_name_of(&Document::Rfc("7".parse().unwrap())), Ok("rfc7.txt".into()));
    for name in ["a b.pdf", "notes/a.md", "notes/rfc-index.txt", "a/handed-over", "é"] {
        assert_eq!(file_name_of(&file(name)).as_deref(), Ok(name));
    }
    for name in [
        "notes/rfc7.txt.gz",
        "notes/rfc7.txt",
        "notes/RFC７.txt",
        ".profile",
        "a/.git/config",
        "a/.p2pciignore",
        "a/\u{200c}.p2pciignore",
    ] {
        assert_eq!(file_name_of(&file(name)), Err(NotSaved::OtherName), "{name}");
    }
}

#[test]
fn names_with_a_local_meaning_are_not_saved_in_any_spelling() {
    for name in [
        "rfc7.txt",
        "RFC7.TXT",
        "rfc0007.txt",
        "rfc7-tcp.txt",
        "rfc7.txt.gz",
        "rfc7.txt/x",
        "rfc７.txt",
        "ｒｆｃ7.txt",
        "rfc7.txt.",
        "rfc7.txt ",
        "rf\u{200b}c7.txt",
        "rfc-index.txt",
        "RFC-Index.TXT",
        "rfc-index.txt.gz",
        "rfc-index.txt/a/b",
        "handed-over",
        "Handed-Over/x",
        "handed\u{2060}-over",
        ".p2pciignore",
        ".P2PCIIGNORE/x",
        "\u{ff0e}p2pciignore",
        "\u{200c}.p2pciignore",
        "rfc-\u{131}ndex.txt",
        "rfc-\u{130}ndex.txt",
        "rfc\u{34f}7.txt",
    ] {
        assert_eq!(file_name_of(&file(name)), Err(NotSaved::Special), "{name}");
    }
}

#[test]
fn names_that_windows_cannot_represent() {
    for name in [
        "C:x",
        "a:stream",
        "CON",
        "con.txt",
        "aux .txt",
        "d/NUL",
        "COM1",
        "lpt³.x",
        "a.",
        "a ",
        "b?",
        "dir./x",
        "CONIN$",
        "RFC-IN~1.TXT",
        "handed~1",
        "P2PCII~1",
        "a|b",
        "<x>",
        "\"",
    ] {
        let found = name_for(&file(name), Platform::Windows);
        assert_eq!(found, Err(NotSaved::Unrepresentable), "{name}");
        assert_eq!(name_for(&file(name), Platform::Unix).as_deref(), Ok(name));
    }
    for name in ["console", "COM", "COM10", "a.b", "x/y.z", "nulls.txt", "x~", "letter~1.html"] {
        assert_eq!(name_for(&file(name), Platform::Windows).as_deref(), Ok(name));
    }
}

#[test]
fn a_name_is_tried_as_typed_then_in_both_normalization_forms() {
    assert_eq!(candidates(&file("\u{e4}")), [file("\u{e4}"), file("a\u{308}")]);
    assert_eq!(candidates(&file("a\u{308}")), [file("a\u{308}"), file("\u{e4}")]);
    assert_eq!(candidates(&file("plain")), [file("plain")]);
    assert_eq!(candidates(&file("a%20b%")), [file("a%20b%")]);
    let rfc = Document::Rfc("7".parse().unwrap());
    assert_eq!(candidates(&rfc), std::slice::from_ref(&rfc));
    assert_eq!(candidates(&file("RFC007")), [file("RFC007"), rfc]);
    assert_eq!(candidates(&file("rfc7-x")), [file("rfc7-x")]);
}

#[test]
fn a_name_may_be_the_form_that_lists_print() {
    let typed = file("a%2F%C3%A4%20b");
    let forms = [typed.clone(), file("a/\u{e4} b"), file("a/a\u{308} b")];
    assert_eq!(candidates(&typed), forms);
}
