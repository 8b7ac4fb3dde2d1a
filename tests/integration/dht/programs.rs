//! The programs, without a reachable index server.

use std::fs;
use std::net::SocketAddr;
use std::time::Instant;

use crate::common::is_inside;
use crate::common::operators::{admin_address, get, value};
use crate::common::{Index, peer, run_peer};
use crate::dht::network::until;

#[test]
fn a_document_is_fetched_without_an_index_server() {
    if !is_inside("dht::programs::a_document_is_fetched_without_an_index_server") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (shared, own) = (root.path().join("shared"), root.path().join("own"));
    fs::create_dir(&shared).unwrap();
    fs::create_dir(&own).unwrap();
    fs::write(shared.join("rfc793.txt"), "TRANSMISSION CONTROL PROTOCOL").unwrap();
    fs::write(shared.join("notes.pdf"), "notes").unwrap();
    let server = Index::start(&["--dht"]);
    let line = server.program.line();
    let table: SocketAddr = line
        .strip_prefix("distributed hash table at ")
        .unwrap()
        .strip_suffix(" (UDP)")
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(table, server.address);
    // The table alone is used: nothing listens at the port of the index.
    let no_index: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let table = table.to_string();
    let _holder = peer(
        no_index,
        &["--dht", "--bootstrap", &table, "--share", ".", "--upload", "127.0.0.1:0", "share"],
        &shared,
    );
    let until = until();
    for (document, name) in [("793", "rfc793.txt"), ("notes.pdf", "notes.pdf")] {
        let index = no_index.to_string();
        let arguments = [&*index, "--dht", "--bootstrap", &*table, "--share", ".", "get", document];
        loop {
            let (code, output, errors) = run_peer(&arguments, "", &own);
            if code == 0 {
                break;
            }
            assert!(Instant::now() < until, "{code}\n{output}\n{errors}");
        }
        assert_eq!(fs::read(own.join(name)).unwrap(), fs::read(shared.join(name)).unwrap());
    }
}

#[test]
fn operators_and_users_see_the_node_of_a_program() {
    if !is_inside("dht::programs::operators_and_users_see_the_node_of_a_program") {
        return;
    }
    let shared = tempfile::tempdir().unwrap();
    fs::write(shared.path().join("rfc793.txt"), "TRANSMISSION CONTROL PROTOCOL").unwrap();
    let server = Index::start(&["--dht", "--admin", "127.0.0.1:0"]);
    assert!(server.program.line().starts_with("distributed hash table at "));
    let of_server = admin_address(&server.program);
    let table = server.address.to_string();
    let arguments = [
        "--dht",
        "--bootstrap",
        &table,
        "--share",
        ".",
        "--upload",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "share",
    ];
    let holder = peer("127.0.0.1:9".parse().unwrap(), &arguments, shared.path());
    assert!(holder.line().starts_with("uploading from "));
    let of_holder = admin_address(&holder);
    let metrics = |address| get(address, "/metrics").1;
    let until = until();
    while value(&metrics(of_holder), "p2p_ci_table_stored_keys") < 1.0 {
        assert!(Instant::now() < until, "{}", metrics(of_holder));
    }
    let text = metrics(of_holder);
    let (code, ready) = get(of_holder, "/readyz");
    assert!(ready.contains("found by the distributed hash table alone: cannot reach"), "{ready}");
    assert!(code.contains("200"), "{code} {ready}");
    assert_eq!(value(&text, "p2p_ci_table_keys"), 1.0, "{text}");
    assert!(value(&text, "p2p_ci_table_nodes") >= 1.0, "{text}");
    let text = metrics(of_server);
    assert!(value(&text, "p2p_ci_table_nodes") >= 1.0, "{text}");
    assert!(value(&text, "p2p_ci_table_requests_total") >= 1.0, "{text}");
    assert_eq!(value(&text, "p2p_ci_table_refusals_total"), 0.0, "{text}");
    assert!(!text.contains("p2p_ci_table_keys"), "a bootstrap node announces nothing: {text}");
    let own = tempfile::tempdir().unwrap();
    let arguments =
        ["127.0.0.1:9", "--dht", "--bootstrap", &table, "--share", ".", "--upload", "127.0.0.1:0"];
    let (_, output, errors) = run_peer(&arguments, "status\n", own.path());
    let line = output.lines().find(|line| line.starts_with("hash table ")).unwrap_or_default();
    assert!(line.ends_with(" known, 0 of 0 announced keys stored"), "{output}{errors}");
}
