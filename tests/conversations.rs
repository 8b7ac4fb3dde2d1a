//! Transcripts of whole connections, in the form of protocol.md, in `tests/conversations/`.
//!
//! `C:` is what the client sends and `S:` what the server must answer, byte for byte, each line
//! with CRLF. `C2:` and `S2:` are those of a second connection, and `C2 leaves` closes it. A line
//! `server: …` gives the server's arguments. Everything else is for the reader.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::string_slice,
    reason = "a test may panic"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{Index, Talk, share};

/// Plays a script with connections that `connect` opens.
fn play(name: &str, script: &str, connect: impl Fn() -> Talk, known: impl Fn(&str) -> String) {
    let mut talks: BTreeMap<String, Talk> = BTreeMap::new();
    for (number, line) in script.lines().enumerate() {
        let place = format!("{name}.txt line {}", number + 1);
        if let Some(who) = line.strip_suffix(" leaves") {
            talks.remove(&who[1..]).expect(&place);
            continue;
        }
        let Some((speaker, text)) = line.split_once(':') else { continue };
        let text = text.strip_prefix(' ').unwrap_or(text);
        let Some(who) =
            speaker.strip_prefix(['C', 'S']).filter(|who| who.chars().all(|c| c.is_ascii_digit()))
        else {
            continue;
        };
        let talk = talks.entry(who.to_string()).or_insert_with(&connect);
        match (speaker.starts_with('C'), text) {
            (true, _) => talk.say(format!("{text}\r\n")),
            (false, "(closes)") => assert_eq!(talk.line(), None, "{place}"),
            (false, _) => {
                let answer = talk.line().map(|answer| known(&answer));
                assert_eq!(answer.as_deref(), Some(text), "{place}");
            }
        }
    }
}

fn script(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap()
}

fn with_index(name: &str) {
    let script = script(name);
    let arguments = script.lines().find_map(|line| line.strip_prefix("server: "));
    let arguments: Vec<&str> = arguments.unwrap_or_default().split_whitespace().collect();
    let index = Index::start(&arguments);
    play(name, &script, || index.connect(), known);
}

/// Replaces values that depend on the day and the machine.
fn known(line: &str) -> String {
    match line.split_once(": ") {
        Some((name @ ("Date" | "OS" | "Last-Modified" | "Added"), value)) => {
            if name != "OS" {
                assert!(httpdate::parse_http_date(value).is_ok(), "{line}");
            }
            format!("{name}: …")
        }
        _ => line.to_string(),
    }
}

#[test]
fn the_handout() {
    with_index("handout");
}

#[test]
fn ownership() {
    with_index("ownership");
}

#[test]
fn files() {
    with_index("files");
}

#[test]
fn search() {
    with_index("search");
}

#[test]
fn attributes() {
    with_index("attributes");
}

#[test]
fn refusals() {
    with_index("refusals");
}

#[test]
fn explained_refusals() {
    with_index("explained");
}

#[test]
fn strict_hosts() {
    with_index("strict");
}

#[test]
fn documents() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("rfc90001.txt", "An RFC\r\n"), ("a b.pdf", ""), ("notes.md", "# Notes\r\n")]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let index = Index::start(&[]);
    let (_peer, port) = share(index.address, folder.path());
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    for part in script("documents").split("\n\n\n") {
        play("documents", part, || Talk::to(address), known);
    }
}
