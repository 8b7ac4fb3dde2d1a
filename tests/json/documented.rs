//! docs/json.md describes every object that the programs print, and its examples are like them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{Index, directory, run_peer_with_input, share};
use crate::failures::replying;
use crate::schema::sections;

/// The members of an object, and those of its objects and of the first objects of its arrays.
fn shape(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                // One document may be an RFC, and the next one another file.
                let name = if matches!(&**name, "rfc" | "file") { "document" } else { name };
                names.insert(name.to_string());
                names.extend(shape(value).into_iter().map(|inner| format!("{name}.{inner}")));
            }
        }
        Value::Array(values) => names.extend(values.iter().take(1).flat_map(shape)),
        _ => {}
    }
    names
}

/// What the programs print for the commands of each section.
struct Printed {
    index: Index,
    root: tempfile::TempDir,
}

impl Printed {
    /// The objects of one run of the peer, with this input.
    fn run(&self, arguments: &[&str], input: &str) -> Vec<String> {
        let (state, mine) = (self.root.path().join("state"), self.root.path().join("mine"));
        let index = self.index.address.to_string();
        let start = [&*index, "--share", ".", "--upload", "127.0.0.1:0", "--format", "json"];
        let arguments = [&start, arguments].concat();
        let (_, output, _) = run_peer_with_input(&arguments, input, &state, &mine);
        output.lines().map(String::from).collect()
    }

    /// The objects of the commands that a section describes.
    fn of(&self, title: &str) -> Vec<String> {
        let run = |arguments: &[&str]| self.run(arguments, "");
        let in_shell = |input: &str| self.run(&[], input).split_off(2);
        match title {
            "list, lookup, search, browse, add, remove" => {
                let peer = run(&["peers"]);
                let peer: Value = serde_json::from_str(&peer[0]).unwrap();
                let peer = format!("{}:{}", peer["host"].as_str().unwrap(), peer["port"]);
                [
                    run(&["list"]),
                    run(&["list", "--files"]),
                    run(&["lookup", "793"]),
                    run(&["search", "one"]),
                    run(&["browse", &peer]),
                    in_shell("add own.txt\nremove own.txt\n"),
                    in_shell("list --format json\n"),
                ]
                .concat()
            }
            "lookup --probe" => run(&["lookup", "793", "--probe"]),
            "peers" => run(&["peers"]),
            "get, sync" => [
                run(&["sync", "--dry-run"]),
                run(&["get", "793"]),
                run(&["get", "793"]),
                run(&["get", "793", "--out", "copy"]),
                run(&["get", "9", "10"]),
                run(&["sync"]),
                run(&["get", "9"]),
            ]
            .concat()
            .into_iter()
            .filter(|line| line.contains("\"fetched\":"))
            .collect(),
            "verify" => run(&["verify"]),
            "why" => run(&["why", "793"]),
            "docs" => run(&["docs"]),
            "read" => run(&["read", "FILE:own.txt"]),
            "status" => [run(&["status"]), in_shell("status\n")].concat(),
            "The shell, share" => self.run(&[], ""),
            "check" => program(&[
                "check",
                "server",
                &self.index.address.to_string(),
                "--level",
                "handout",
                "--json",
            ]),
            "replay" => {
                let recorded = self.root.path().join("recorded");
                let text = "C: LOOKUP RFC 793 P2P-CI/1.0\nC: Host: h\nC: Port: 1\nC:\n\
                            S: P2P-CI/1.0 404 Not Found\nS:\n";
                fs::write(&recorded, text).unwrap();
                let recorded = recorded.to_string_lossy();
                program(&["replay", &recorded, &self.index.address.to_string(), "--json"])
            }
            "Incomplete lists" => {
                // The end of the reply is not marked.
                let index = replying("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T 192.0.2.1 1\r\n");
                let root = self.root.path();
                let arguments = [&*index, "--format", "json", "peers"];
                let (_, output, _) = run_peer_with_input(&arguments, "", &root.join("state"), root);
                output.lines().filter(|line| line.contains("complete")).map(String::from).collect()
            }
            "Errors" => {
                [run(&["lookup", "9"]), run(&["browse", "h:1"]), run(&["why", "999"])].concat()
            }
            other => panic!("docs/json.md has a section for which nothing is run: {other}"),
        }
    }
}

fn program(arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_p2p-ci")).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(String::from).collect()
}

#[test]
fn every_object_is_documented_and_every_example_is_one() {
    let root = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [("rfc793.txt", b"a text"), ("lecture 01.md", b"# One\n")];
    let theirs = directory(root.path(), "theirs", &files);
    directory(root.path(), "mine", &[("own.txt", b"own")]);
    directory(root.path(), "state", &[]);
    let index = Index::start(&[]);
    let (_theirs, _) = share(index.address, &theirs);
    index.wait_for_digests("RFC 793", 1);
    index.wait_for_digests("FILE lecture%2001.md", 1);
    let printed = Printed { index, root };
    let sections = sections();
    assert_eq!(sections.len(), 14, "sections with schemas");
    for section in &sections {
        let lines = printed.of(&section.title);
        let parsed = |line: &String| serde_json::from_str::<Value>(line).unwrap();
        let mut shapes: BTreeSet<BTreeSet<String>> = BTreeSet::new();
        for line in &lines {
            section.check(line);
            shapes.insert(shape(&parsed(line)));
        }
        for (number, schema) in section.schemas.iter().enumerate() {
            assert!(!schema.examples.is_empty(), "{}: no example", section.title);
            for example in &schema.examples {
                assert_eq!(section.check(example), number, "{}: {example}", section.title);
                assert!(
                    shapes.contains(&shape(&parsed(example))),
                    "{}: no object is like {example}: {lines:#?}",
                    section.title
                );
            }
        }
    }
}

#[test]
fn the_document_names_every_command() {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let text = fs::read_to_string(text).unwrap();
    let help = Command::new(env!("CARGO_BIN_EXE_peer")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()) {
        assert!(command == "help" || text.contains(command), "{command}");
    }
}
