//! What each command says if it cannot use the table, or the table alone.

use std::fs;
use std::time::Instant;

use crate::common::is_inside;
use crate::common::{Index, peer, run_peer, share};
use crate::dht::network::until;

/// Nothing listens here.
const NO_INDEX: &str = "127.0.0.1:9";
const NOT_LISTED: &str =
    "no index server replies, and the distributed hash table cannot be listed or searched";
const NOTE: &str = "documents that only the distributed hash table knows are not listed";

/// The commands that read lists of index servers.
const LISTING: [&[&str]; 6] = [
    &["list"],
    &["list", "--files"],
    &["search", "protocol"],
    &["peers"],
    &["browse", "h:7"],
    &["sync"],
];

#[test]
fn commands_that_list_need_an_index_server_and_say_so() {
    if !is_inside("dht::commands::commands_that_list_need_an_index_server_and_say_so") {
        return;
    }
    let own = tempfile::tempdir().unwrap();
    let server = Index::start(&["--dht"]);
    let table = server.address.to_string();
    for command in LISTING {
        let arguments =
            [&[NO_INDEX, "--dht", "--bootstrap", &table, "--share", "."], command].concat();
        let (code, output, errors) = run_peer(&arguments, "", own.path());
        assert_eq!((code, &*output), (69, ""), "{command:?}: {errors}");
        assert!(errors.contains(NOT_LISTED), "{command:?}: {errors}");
        assert!(!errors.contains(NOTE), "{command:?}: {errors}");
        let json = [&["--format", "json"], &*arguments].concat();
        let (code, output, errors) = run_peer(&json, "", own.path());
        let object: serde_json::Value = serde_json::from_str(&output).unwrap();
        assert_eq!((code, &object["error"]["exit"]), (69, &69.into()), "{command:?}: {errors}");
        let message = object["error"]["message"].as_str().unwrap();
        assert!(message.contains(NOT_LISTED), "{command:?}: {message}");
    }
    let arguments = [NO_INDEX, "--dht", "--bootstrap", &table, "--share", ".", "status"];
    let (code, output, errors) = run_peer(&arguments, "", own.path());
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains(&format!("{NO_INDEX}: it does not reply")), "{output}");
    // With an index server its list is printed, with a note.
    let shared = own.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("rfc793.txt"), "TRANSMISSION CONTROL PROTOCOL").unwrap();
    let (_holder, _) = share(server.address, &shared);
    for command in LISTING.iter().filter(|command| command[0] != "browse") {
        let arguments = [&[&*table, "--dht", "--share", "."], *command].concat();
        let (code, output, errors) = run_peer(&arguments, "", own.path());
        assert_eq!(code, 0, "{command:?}: {output}{errors}");
        assert_eq!(errors.matches(NOTE).count(), 1, "{command:?}: {errors}");
        assert!(!errors.contains(NOT_LISTED), "{command:?}: {errors}");
        let quiet = [&["--quiet"], &*arguments].concat();
        let (code, _, errors) = run_peer(&quiet, "", own.path());
        assert_eq!((code, errors.matches(NOTE).count()), (0, 0), "{command:?}: {errors}");
    }
    let (_, output, _) = run_peer(&[&*table, "--dht", "list"], "", own.path());
    assert!(output.contains("RFC 793"), "{output}");
}

#[test]
fn a_table_that_does_not_reply_is_no_proof_that_nobody_has_a_document() {
    if !is_inside(
        "dht::commands::a_table_that_does_not_reply_is_no_proof_that_nobody_has_a_document",
    ) {
        return;
    }
    let own = tempfile::tempdir().unwrap();
    for command in [
        &["lookup", "793"][..],
        &["lookup", "--probe", "793"],
        &["get", "793"],
        &["get", "793", "794"],
    ] {
        let arguments =
            [&[NO_INDEX, "--dht", "--bootstrap", "127.0.0.1:9", "--share", "."], command].concat();
        let (code, _, errors) = run_peer(&arguments, "", own.path());
        assert_eq!(code, 69, "{command:?}: {errors}");
        let expected =
            "cannot ask the distributed hash table: none of its nodes replies at 127.0.0.1:9";
        assert!(errors.contains(expected), "{command:?}: {errors}");
        assert!(!errors.contains("no peer has"), "{command:?}: {errors}");
    }
    // An index server replies: nobody has it, as far as it knows.
    let server = Index::start(&[]);
    let index = server.address.to_string();
    let arguments = [&index, "--dht", "--bootstrap", "127.0.0.1:9", "--share", ".", "get", "793"];
    let (code, _, errors) = run_peer(&arguments, "", own.path());
    assert_eq!(code, 66, "{errors}");
    assert!(errors.contains("cannot ask the distributed hash table"), "{errors}");
    assert!(errors.contains("no peer has RFC 793"), "{errors}");
}

/// A reader asks for holders as soon as it has started, before the bootstrap node may have replied.
#[test]
fn the_first_query_of_a_reader_waits_until_it_has_joined() {
    if !is_inside("dht::commands::the_first_query_of_a_reader_waits_until_it_has_joined") {
        return;
    }
    let own = tempfile::tempdir().unwrap();
    let server = Index::start(&["--dht"]);
    let table = server.address.to_string();
    let shared = own.path().join("shared");
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("rfc793.txt"), "TRANSMISSION CONTROL PROTOCOL").unwrap();
    let no_index = NO_INDEX.parse().unwrap();
    let _holder = peer(
        no_index,
        &["--dht", "--bootstrap", &table, "--share", ".", "--upload", "127.0.0.1:0", "share"],
        &shared,
    );
    let lookup =
        || run_peer(&[NO_INDEX, "--dht", "--bootstrap", &*table, "lookup", "793"], "", own.path());
    let until = until();
    while lookup().0 != 0 {
        assert!(Instant::now() < until);
    }
    // From now on every reader finds it.
    for _ in 0..8 {
        let (code, output, errors) = lookup();
        assert_eq!(code, 0, "{output}{errors}");
    }
}
