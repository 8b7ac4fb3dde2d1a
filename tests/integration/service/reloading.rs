//! A configuration that is read again while a service runs.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::{PEER, SERVER, has, is_served};
use crate::common::{Index, PATIENCE, Program, Talk, directory};

/// Writes the configuration of a service, and asks it to read that again.
fn reload(program: &Program, file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    program.signal("HUP");
}

/// An operator who wants no lines of sessions is told, too, that a reload has failed.
#[test]
fn a_quiet_server_says_what_a_reload_cannot_do() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("server.toml");
    fs::write(&file, "log = \"quiet\"\n").unwrap();
    let place = file.to_str().unwrap();
    let arguments = [SERVER, "--config", place, "--listen", "127.0.0.1:0"];
    let mut server = Program::start("setsid", &arguments, Path::new("."));
    let listening = server.line();
    assert!(is_served(&listening));
    reload(&server, &file, "log = \"quiet\"\nexplain = true\n");
    server.error_with("only a restart changes explain = true (was false)");
    reload(&server, &file, "lgo = \"quiet\"\n");
    let line = server.error_with("SIGHUP: the configuration stays as it is");
    assert!(line.contains("unknown key `lgo`"), "{line}");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_reload_changes_limits_lists_and_the_log_and_names_what_needs_a_restart() {
    if !has("setsid") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.toml");
    fs::write(&file, "max_connections = 5\n").unwrap();
    let arguments = [
        SERVER,
        "--config",
        file.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--log",
        "sessions",
    ];
    let mut server = Program::start("setsid", &arguments, Path::new("."));
    let listening = server.line();
    let address = listening.strip_prefix("listening on ").unwrap().parse().unwrap();
    assert!(is_served(&listening));
    let mut open = Talk::to(address);
    open.add(1, "T", "127.0.0.1", 1);

    reload(
        &server,
        &file,
        "max_connections = 7\ndeny = [\"127.0.0.0/8\"]\nexplain = true\nlog = \"quiet\"\n",
    );
    let line = server.error_with("SIGHUP: the configuration was read again");
    assert!(line.contains("max_connections = 7 (was 5)"), "{line}");
    assert!(line.contains("deny = [\"127.0.0.0/8\"] (was [])"), "{line}");
    assert!(!line.contains("log ="), "an option has priority: {line}");
    server.error_with("only a restart changes explain = true (was false)");
    server.error_with("closed connections of addresses that may not connect any more: 1");
    assert_eq!(open.line(), None);
    let mut refused = Talk::to(address);
    refused.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
    assert_eq!(refused.line().as_deref(), Some("P2P-CI/1.0 503 Service Unavailable"));

    // A mistake changes nothing.
    reload(&server, &file, "max_connections = 9\nmax_conections = 5\n");
    let line = server.error_with("SIGHUP: the configuration stays as it is");
    let expected = format!("{}:2: unknown key `max_conections`", file.display());
    assert!(line.contains(&expected) && line.contains("error"), "{line}");
    assert_eq!(
        {
            let mut refused = Talk::to(address);
            refused.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
            refused.line()
        }
        .as_deref(),
        Some("P2P-CI/1.0 503 Service Unavailable")
    );

    reload(&server, &file, "max_connections = 7\nexplain = true\n");
    server.error_with("deny = [] (was [\"127.0.0.0/8\"])");
    reload(&server, &file, "explain = true\n");
    server.error_with("max_connections = 10000 (was 7)");
    assert!(is_served(&listening));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_reload_changes_the_rates_of_a_peer() {
    if !has("setsid") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (file, document) = (root.path().join("peer.toml"), vec![7; 400_000]);
    let shared = directory(root.path(), "shared", &[("a.bin", &document)]);
    // At this rate the document takes more than a minute.
    let slow = "[[upload.limit]]\nnetwork = \"127.0.0.0/8\"\nrate = 4096\n";
    fs::write(&file, slow).unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let arguments = [
        PEER,
        &address,
        "--config",
        file.to_str().unwrap(),
        "--share",
        shared.to_str().unwrap(),
        "--upload",
        "127.0.0.1:0",
        "share",
    ];
    let mut peer = Program::start("setsid", &arguments, root.path());
    let port = peer.line().rsplit_once(':').unwrap().1.parse().unwrap();
    peer.line();
    let mut talk = Talk::to(([127, 0, 0, 1], port).into());
    talk.say("GET FILE a.bin P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert_eq!(talk.line().as_deref(), Some("P2P-CI/1.0 200 OK"));
    let begun = Instant::now();
    reload(&peer, &file, "upload_slots = 3\n");
    let line = peer.error_with("SIGHUP: the configuration was read again");
    assert!(line.contains("upload_slots = 3 (was 16)"), "{line}");
    assert!(line.contains("upload.limit = [] (was [{ network = "), "{line}");
    assert!(talk.rest().len() > document.len());
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    peer.signal("TERM");
    assert_eq!(peer.wait().code(), Some(0));
}
