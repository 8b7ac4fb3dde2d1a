//! Ends of requests, and the silences before them.

use super::*;

fn ended(input: &str) -> Option<(usize, usize, EndedBy)> {
    match find_end(input.as_bytes(), false) {
        RequestEnd::Found(Extent { text, used, by }) => Some((text, used, by)),
        RequestEnd::Silence(_) => None,
    }
}

#[test]
fn a_request_ends_in_each_of_the_forms() {
    let list = "LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n";
    let n = list.len();
    let table = [
        ("\n", (n, n + 1, EndedBy::EmptyLine)),
        ("\r\n", (n, n + 2, EndedBy::EmptyLine)),
        ("END\n", (n, n + 4, EndedBy::Word)),
        ("\nEND\r\n", (n, n + 6, EndedBy::Word)),
        ("~~~~~~~~\n", (n, n + 9, EndedBy::Padding(b'~'))),
        ("!!!!!!!!!!LIST ALL P2P-CI/1.0\n", (n, n + 10, EndedBy::Padding(b'!'))),
        ("\0\0\0\0\0\0\0\0\0", (n, n + 9, EndedBy::Padding(0))),
        ("LIST ALL P2P-CI/1.0\n", (n, n, EndedBy::NextRequest)),
        ("LEAVE P2P-CI/1.0\n", (n, n, EndedBy::NextRequest)),
    ];
    for line in ["EXIT\n", "quit\r\n", "LEAVE\nHost: h\n"] {
        let used = line.find('\n').unwrap() + 1;
        assert_eq!(ended(line), Some((used, used, EndedBy::Silence)), "{line:?}");
    }
    for line in ["EXIT", "EXIT P2P-CI/1.0\n", "DEL\n", "CONNECT\n"] {
        assert_eq!(ended(line), None, "{line:?}");
    }
    for (end, expected) in table {
        assert_eq!(ended(&format!("{list}{end}")), Some(expected), "{end:?}");
    }
}

#[test]
fn what_may_become_a_line_of_the_grammar_is_no_padding() {
    for input in [
        // A title may end so, and its line may continue, also at the end of a block.
        "ADD RFC 1 P2P-CI/1.0\r\nTitle: Wow!!!!!!!!".to_string(),
        "ADD RFC 1 P2P-CI/1.0\r\nTitle: Wow!!!!!!!!\r\nHost: h\r\nPort: 1\r\n".into(),
        format!("{:~<128}", "ADD RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: T"),
        format!("{:~<128}", "LOOKUP RFC 1 P2P-CI/1.0\r\nX-Foo: "),
        format!("{:1024}", "LIST ALL P2P-CI/1.0\r\nHost: h"),
        // A header may begin with blanks, and have any name.
        format!("LIST ALL P2P-CI/1.0\r\n{:9}", ""),
        format!("LIST ALL P2P-CI/1.0\r\n{:9}Host: h\r\n", ""),
        "LIST ALL P2P-CI/1.0\r\n!!!!!!!!!: x\r\n".into(),
    ] {
        assert_eq!(ended(&input), None, "{input:?}");
    }
}

#[test]
fn silence_ends_a_request_sooner_the_more_of_it_is_there() {
    let table = [
        ("LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n", COMPLETE),
        ("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1", UNTERMINATED),
        ("LIST ALL P2P-CI/1.0\nHost: h\n", INCOMPLETE),
        ("LIST ALL\nHost=h\nPort = 1\n", COMPLETE),
        ("LIST ALL P2P-CI/1.0\n", INCOMPLETE),
        ("ADD RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\n", INCOMPLETE),
        ("ADD RFC 1 P2P-CI/1.0\nHost: h\nPost: 1\nTitle: t\n", COMPLETE),
        ("GET RFC 1 P2P-CI/1.0\nHost: h\nOS: x\n", COMPLETE),
        ("GET RFC 1 P2P-CI/1.0\nHost: h\n", COMPLETE),
        ("GET RFC 1 P2P-CI/1.0\n", INCOMPLETE),
        ("LOOKUP RFC 1 P2P-CI/1.0\nHost: h\nTitle: t\n", COMPLETE),
        ("LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\nEND", UNTERMINATED),
        ("EXIT P2P-CI/1.0\n", COMPLETE),
        ("LI", UNTERMINATED),
        ("LIST ALL P2P-CI/1.0\nHost: h\nPort: 1~~~~~~~~~~~~~~", UNTERMINATED),
        ("LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n~~~~~~~~", COMPLETE),
        ("LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n         ", COMPLETE),
    ];
    for (input, expected) in table {
        let end = find_end(input.as_bytes(), false);
        assert_eq!(end, RequestEnd::Silence(expected), "{input:?}");
    }
}
