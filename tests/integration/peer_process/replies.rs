//! The output of commands for replies of the index server.

use std::path::Path;

use crate::common::{Index, run_peer};

#[test]
fn replies_as_they_came_as_a_table_and_as_json() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    talk.add(7, "A \u{202e}Title", "h", 1);
    talk.say("ADD FILE a%20b P2P-CI/1.0\r\nHost: h\r\nPort: 2\r\nTitle: \r\n\r\n");
    talk.reply();
    let address = index.address.to_string();
    let run = |arguments: &[&str]| {
        run_peer(&[&[address.as_str()], arguments].concat(), "", Path::new(".")).1
    };
    assert_eq!(run(&["list"]), "P2P-CI/1.0 200 OK\n\nRFC 7 A \\u{202e}Title h 1\n\n");
    assert_eq!(
        run(&["--format", "table", "list"]),
        "document  title            holder\nRFC 7     A \\u{202e}Title  h:1\n1 document from 1 peer\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&run(&["list", "--format", "json"])).unwrap();
    let expected = serde_json::json!(
        {"v": 1, "rfc": 7, "title": "A \u{202e}Title", "host": "h", "port": 1}
    );
    assert_eq!(json, expected);
    assert_eq!(
        run(&["list", "--files", "--format", "json"]),
        "{\"file\":\"a b\",\"host\":\"h\",\"port\":2,\"title\":\"\",\"v\":1}\n"
    );
    assert_eq!(
        run(&["lookup", "8", "--format", "json"]),
        "{\"error\":{\"exit\":66,\"message\":\"no peer has RFC 8\"},\
         \"phrase\":\"Not Found\",\"status\":404,\"v\":1}\n"
    );
    assert_eq!(run(&["lookup", "8", "--format", "table"]), "", "the error line says it");
}

#[test]
fn searching_and_looking_at_peers() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    talk.add(7, "A Tree", "h", 1);
    talk.add(8, "A House", "h", 1);
    talk.add(8, "A House", "other", 2);
    talk.say("ADD FILE house.md P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: My House\r\n\r\n");
    talk.reply();
    let address = index.address.to_string();
    let run = |arguments: &[&str]| {
        run_peer(&[&[address.as_str()], arguments].concat(), "", Path::new(".")).1
    };
    assert_eq!(
        run(&["search", "house", "--limit", "1"]),
        "P2P-CI/1.0 200 OK\n\nRFC 8 A House other 2\n\n"
    );
    assert_eq!(
        run(&["--format", "json", "search", "my", "HOUSE"]),
        "{\"file\":\"house.md\",\"host\":\"h\",\"port\":1,\"title\":\"My House\",\"v\":1}\n"
    );
    assert_eq!(run(&["browse", "other:2"]), "RFC 8 A House other 2\n");
    assert_eq!(run(&["peers"]), "h:1 3\nother:2 1\n");
    let (code, _, errors) = run_peer(&[&address, "browse", "nobody:1"], "", Path::new("."));
    assert!(code == 66 && errors.contains("lists no document of nobody:1"), "{errors}");
}

#[test]
fn a_reader_that_closes_its_pipe_ends_the_peer_quietly() {
    use std::process::{Command, Stdio};

    let index = Index::start(&[]);
    let mut talk = index.connect();
    for number in 1..=2000 {
        talk.add(number, &"x".repeat(200), "h", 1);
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_peer"))
        .args([&index.address.to_string(), "list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
