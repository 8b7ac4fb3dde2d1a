//! A host that no program can connect to, but that the grammar allows, disturbs nobody but its own record.

use crate::common::run_peer;
use crate::false_records::{RIGHT, Scene};

/// Hosts of the grammar: names that are no addresses in usual notation, and marks that other index servers write
/// between fields.
const HOSTS: [&str; 16] = [
    "127.1",
    "2130706433",
    "[::1]",
    "a|b",
    "|",
    ",",
    "h;",
    "-",
    "----",
    "<sp>",
    "\"h\"",
    "(h",
    "{",
    "h=5",
    "Host:",
    "~~~~~~~~",
];

#[test]
fn a_record_with_an_odd_host_neither_hides_others_nor_makes_a_list_incomplete() {
    let mut scene = Scene::new();
    let honest = scene.holder(1, RIGHT);
    scene.add(honest, "T", None, None);
    let mut odd = scene.index.connect();
    for host in HOSTS {
        for (document, title) in [("RFC 1", "T"), ("RFC 1", "a | b | 5 |"), ("FILE x", "T")] {
            let add = format!("ADD {document} P2P-CI/1.0");
            odd.say(format!("{add}\r\nHost: {host}\r\nPort: 9\r\nTitle: {title}\r\n\r\n"));
            assert!(odd.reply().iter().any(|line| line.contains(" 200 ")), "{host}");
        }
    }
    let index = scene.index.address.to_string();
    for command in [
        ["lookup", "1"].as_slice(),
        &["lookup", "FILE:x"],
        &["list"],
        &["list", "--files"],
        &["peers"],
        &["search", "t"],
        &["sync", "--dry-run"],
    ] {
        let arguments = [&[index.as_str(), "--share", "."], command].concat();
        let (code, output, errors) = run_peer(&arguments, "", &scene.mine);
        assert_eq!(code, 0, "{command:?}: {errors}");
        assert!(!errors.contains("no record"), "{command:?}: {errors}");
        let is_list = matches!(command, ["lookup" | "list", ..]);
        for host in HOSTS.iter().filter(|_| is_list) {
            assert!(output.contains(&format!("{host} 9\n")), "{command:?} {host}: {output}");
        }
    }
    let (_, saved) = scene.get();
    assert_eq!(saved, RIGHT);
}
