//! Sessions: the shell of a script, and a peer whose index goes away.

use std::fs;
use std::path::Path;

use crate::common::{self, Index, Talk, peer, run_peer, share};
use crate::peer_process::directories;

#[test]
fn a_script_is_a_session() {
    let (_root, a, b) = directories();
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    let mut session = peer(index.address, &["--share", "."], &b);
    assert!(session.line().starts_with("uploading from [::]:"));
    assert_eq!(session.line(), format!("registered 0 documents with {}", index.address));

    session.type_line("# a comment, and an empty line");
    session.type_line("");
    session.type_line("lookup 90001");
    let record = format!("RFC 90001 A Title localhost {port}");
    for line in ["P2P-CI/1.0 200 OK", "", &record, ""] {
        assert_eq!(session.line(), line);
    }
    session.type_line("get 90001");
    let length = fs::metadata(a.join("rfc90001.txt")).unwrap().len();
    assert_eq!(
        session.line(),
        format!(
            "RFC 90001: {length} bytes from localhost:{port}, sha-256 checked (as announced by its holder), new, saved as ./rfc90001.txt"
        )
    );
    assert_eq!(
        fs::read(b.join("rfc90001.txt")).unwrap(),
        fs::read(a.join("rfc90001.txt")).unwrap()
    );
    assert_eq!(index.list().len(), 2, "it is shared on");

    session.type_line("get 90001");
    assert_eq!(session.line(), "RFC 90001 is here already: ./rfc90001.txt");
    session.type_line("get \"lecture 01.md\"");
    assert!(session.line().starts_with("FILE lecture 01.md: 6 bytes from"));
    session.type_line("docs");
    assert_eq!(session.line(), "RFC 90001 A Title");
    assert_eq!(session.line(), "FILE lecture%2001.md lecture 01.md");
    session.type_line("add \"../a/lecture 01.md\" --title 'Lecture One'");
    session.line();
    session.line();
    assert!(session.line().starts_with("FILE lecture%2001.md Lecture One localhost "));
    session.line();
    session.type_line("remove 90001");
    assert_eq!(session.line(), "P2P-CI/1.0 200 OK");
    assert_eq!(index.list(), [record]);
    assert!(b.join("rfc90001.txt").exists(), "removing withdraws and does not delete");
    assert_eq!(session.end_input().code(), Some(0));
    index.wait_for_records(1);
}

#[test]
fn a_script_continues_after_a_failure_and_the_most_severe_decides_its_code() {
    let (_root, _, b) = directories();
    let index = Index::start(&[]);
    let script =
        "lookup 5\nfrobnicate\nlookup 0\nget 5\nadd missing\n\"unclosed\nlist\nquit\nlist\n";
    let (code, output, errors) = run_peer(&[&index.address.to_string()], script, &b);
    assert_eq!(code, 2);
    let replies: Vec<&str> = output.lines().skip(2).collect();
    assert_eq!(replies, ["P2P-CI/1.0 404 Not Found", "", "P2P-CI/1.0 200 OK", "", ""]);
    for part in [
        "peer: line 2: unrecognized command 'frobnicate'",
        "expected an RFC number from 1 to 999999999",
        "no peer has RFC 5",
        "cannot share `missing`",
        "peer: line 6: expected a closing quote",
    ] {
        assert!(errors.contains(part), "{part:?} in {errors}");
    }
}

#[test]
fn a_peer_outlives_its_index_and_comes_back() {
    let (_root, a, _) = directories();
    let index = Index::start(&[]);
    let address = index.address;
    let (program, port) = share(address, &a);
    drop(index);
    program.error_with("lost the index");

    let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
    talk.say("GET RFC 90001 P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert!(talk.line().unwrap().contains("200 OK"), "uploads continue");

    let listen = address.to_string();
    let index = common::Program::start(
        env!("CARGO_BIN_EXE_server"),
        &["--listen", &listen],
        Path::new("."),
    );
    assert_eq!(index.line(), format!("listening on {listen}"));
    program.error_with(&format!("registered 2 documents with {address}"));
}

#[test]
fn a_session_without_an_index_reports_it_at_a_query() {
    let (_root, a, _) = directories();
    let index = Index::start(&[]);
    let mut session = peer(index.address, &["--share", "."], &a);
    session.line();
    session.line();
    drop(index);
    session.error_with("lost the index");
    session.type_line("list");
    session.error_with("peer: ");
    session.type_line("docs");
    assert_eq!(session.line(), "RFC 90001 A Title");
    assert_eq!(session.end_input().code(), Some(69));
}
