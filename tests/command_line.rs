//! What both programs say about their options, and about requests that people type.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;

use common::{Index, Talk, peer};

#[test]
fn an_upload_server_explains_its_refusals_if_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "text").unwrap();
    let index = Index::start(&[]);
    for (option, explains) in [(&["--explain"] as &[&str], true), (&[], false)] {
        let arguments = [&["--share", ".", "--upload", "127.0.0.1:0", "share"], option].concat();
        let program = peer(index.address, &arguments, folder.path());
        let line = program.line();
        let address = line.strip_prefix("uploading from ").unwrap().parse().unwrap();
        for (request, status, reason) in [
            (
                "ADD RFC 1 P2P-CI/1.0\r\n\r\n",
                "400 Bad Request",
                "line 1: expected GET; ADD goes to the index server, by default at port 7734, \
                 found `ADD RFC 1` (protocol.md section 5.1)",
            ),
            (
                "GET RFC 1 P2P-CI/1.0\r\n\r\n",
                "400 Bad Request",
                "line 2: expected a header `Host`, found no header (protocol.md section 2.9)",
            ),
            (
                "GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n",
                "404 Not Found",
                "this peer does not share it",
            ),
            (
                "GET FILE a.txt P2P-CI/1.0\r\nHost: h\r\nRange: bytes=9-\r\n\r\n",
                "416 Range Not Satisfiable",
                "the document has 4 bytes",
            ),
        ] {
            let mut talk = Talk::to(address);
            talk.say(request);
            let mut expected = vec![format!("P2P-CI/1.0 {status}")];
            expected.extend(explains.then(|| format!("Reason: {reason}")));
            assert_eq!(talk.reply(), expected, "{request:?}");
        }
    }
}
