//! The programs, without a reachable index server.

use std::fs;
use std::net::SocketAddr;
use std::time::Instant;

use crate::common::{Index, peer, run_peer};
use crate::namespace::is_inside;
use crate::network::until;

#[test]
fn a_document_is_fetched_without_an_index_server() {
    if !is_inside("programs::a_document_is_fetched_without_an_index_server") {
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
