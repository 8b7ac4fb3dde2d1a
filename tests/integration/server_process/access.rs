//! Networks that may connect, and networks that may not (protocol.md section 9).

use crate::common::{Index, Talk, directory, peer};

/// The status line of the reply to a request.
fn status(talk: &mut Talk, request: &str) -> String {
    talk.say(format!("{request} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n"));
    talk.line().unwrap()
}

#[test]
fn addresses_outside_the_allowed_networks_and_in_denied_ones_are_refused() {
    for (arguments, expected) in [
        (&["--allow", "127.0.0.0/8", "--deny", "127.0.0.9"][..], "200 OK"),
        (&["--allow", "192.0.2.0/24"], "503 Service Unavailable"),
        (&["--deny", "::ffff:127.0.0.0/104"], "503 Service Unavailable"),
    ] {
        let index = Index::start(arguments);
        let found = status(&mut index.connect(), "LIST ALL");
        assert_eq!(found, format!("P2P-CI/1.0 {expected}"), "{arguments:?}");
        if expected.starts_with("503") {
            index.program.error_with("127.0.0.1:");
        }
    }
}

#[test]
fn a_peer_uploads_to_allowed_networks_only() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("rfc1.txt", b"one")]);
    let index = Index::start(&[]);
    for (network, expected) in [("127.0.0.2", "200 OK"), ("127.0.0.1", "503 Service Unavailable")] {
        let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "--deny", network, "share"];
        let program = peer(index.address, &arguments, &shared);
        let line = program.line();
        let port = line.rsplit_once(':').unwrap().1.parse().unwrap();
        let mut talk = Talk::to(([127, 0, 0, 1], port).into());
        assert_eq!(status(&mut talk, "GET RFC 1"), format!("P2P-CI/1.0 {expected}"));
    }
}
