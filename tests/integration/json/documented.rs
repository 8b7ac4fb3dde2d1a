//! docs/json.md describes every object that the programs print, and its examples are like them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{Index, directory, peer, run_peer_with_input, share};
use crate::json::failures::replying;
use crate::json::schema::sections;

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
        self.run_with(&self.index.address.to_string(), arguments, input)
    }

    /// The same with these index servers.
    fn run_with(&self, servers: &str, arguments: &[&str], input: &str) -> Vec<String> {
        let (state, mine) = (self.root.path().join("state"), self.root.path().join("mine"));
        let start = [servers, "--share", ".", "--upload", "127.0.0.1:0", "--format", "json"];
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
            .filter(|line| !line.contains("not fetched"))
            .collect(),
            "verify" => run(&["verify"]),
            "why" => run(&["why", "793"]),
            "docs" => run(&["docs"]),
            "read" => run(&["read", "FILE:own.txt"]),
            #[cfg(unix)]
            "open" => self.opened("own.txt"),
            #[cfg(not(unix))]
            "open" => Vec::new(),
            "status" => {
                let other = Index::start(&[]);
                let both = format!("{},{}", self.index.address, other.address);
                let of_both = self.run_with(&both, &[], "status\n");
                let of_both = of_both.into_iter().filter(|line| line.contains("\"documents\":"));
                [run(&["status"]), in_shell("status\n"), of_both.collect()].concat()
            }
            "The shell, share" => self.run(&["--admin", "127.0.0.1:0"], ""),
            "check" => program(&[
                "check",
                "server",
                &self.index.address.to_string(),
                "--level",
                "handout",
                "--json",
            ]),
            "check --class" => {
                let submissions = directory(self.root.path(), "submissions", &[]);
                directory(&submissions, "team 1", &[]);
                let class = submissions.to_string_lossy();
                program(&["check", "server", "--class", &class, "--json"])
            }
            "lab" => {
                let scenario = self.root.path().join("two.toml");
                fs::write(&scenario, SCENARIO).unwrap();
                // The plot is written into the present directory.
                let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
                command.args(["lab", "run", "two.toml", "--json"]).current_dir(self.root.path());
                lines(command)
            }
            "admin" => self.administered(),
            "config show" => self.configured(),
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

impl Printed {
    /// What `open` prints where a viewer can be started.
    #[cfg(unix)]
    fn opened(&self, name: &str) -> Vec<String> {
        use std::os::unix::fs::PermissionsExt;

        let viewers = directory(self.root.path(), "viewers", &[("xdg-open", b"#!/bin/sh\n")]);
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(viewers.join("xdg-open"), executable).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_peer"));
        command.arg(self.index.address.to_string()).args(["--share", ".", "--format", "json"]);
        command.args(["open", name]).current_dir(self.root.path().join("mine"));
        let state = self.root.path().join("state");
        command.env("XDG_STATE_HOME", &state).env("XDG_CACHE_HOME", &state).env("PATH", viewers);
        lines(command)
    }

    /// What `config show` prints for a server and for a peer.
    fn configured(&self) -> Vec<String> {
        let show = |name: &str, text: &str, arguments: &[&str]| {
            let file = self.root.path().join(format!("{name}.toml"));
            fs::write(&file, text).unwrap();
            let file = file.to_string_lossy();
            let words = ["config", "show", "--format", "json", name, "--config", &file];
            program(&[&words, arguments].concat())
        };
        let tables =
            "[[share]]\npath = \"p\"\n[[upload.limit]]\nnetwork = \"::1\"\nrate = \"1M\"\n";
        [
            show("server", "deny = [\"192.0.2.66\"]\n", &["--max-connections", "64"]),
            show("peer", tables, &[]),
        ]
        .concat()
    }

    /// What `admin` prints for a server and for a peer.
    fn administered(&self) -> Vec<String> {
        let socket = |name: &str| self.root.path().join(name).to_string_lossy().into_owned();
        let (of_server, of_peer) = (socket("server.sock"), socket("peer.sock"));
        let index = Index::start(&["--admin", &of_server, "--admin", "127.0.0.1:0"]);
        assert!(index.program.line().starts_with("admin at "));
        assert!(index.program.line().starts_with("admin at "));
        let mine = self.root.path().join("mine");
        let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "--admin", &of_peer, "share"];
        let peer = peer(index.address, &arguments, &mine);
        index.wait_for_records(1);
        let admin = |socket: &str, words: &[&str]| {
            program(&[&["admin", "--socket", socket, "--format", "json"], words].concat())
        };
        let printed = [
            admin(&of_server, &["peers"]),
            admin(&of_server, &["url"]),
            admin(&of_server, &["stats"]),
            admin(&of_peer, &["stats"]),
            admin(&of_server, &["ban", "192.0.2.0/28"]),
            admin(&of_server, &["bans"]),
            admin(&of_server, &["unban", "192.0.2.0/28"]),
            admin(&of_server, &["kick", "127.0.0.0/8"]),
            admin(&of_server, &["drain", "--within", "5m"]),
        ];
        drop(peer);
        #[cfg(feature = "cluster")]
        let printed = {
            // The store does not exist.
            let store = format!("redis+unix://{}", socket("store"));
            let of_member = socket("member.sock");
            let index = Index::start(&["--cluster", &store, "--admin", &of_member]);
            assert!(index.program.line().starts_with("admin at "));
            [printed.concat(), admin(&of_member, &["stats"])]
        };
        printed.concat()
    }
}

/// A short scenario.
const SCENARIO: &str = "title = \"Two peers\"\nduration = \"20 s\"\n\
    [[peers]]\nname = \"holder\"\ndocuments = { first = 9001, count = 1, size = \"1 KiB\" }\n\
    [[peers]]\nname = \"reader\"\njoins = \"200 ms\"\ngets = \"all\"\n";

fn program(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    command.args(arguments);
    lines(command)
}

fn lines(mut command: Command) -> Vec<String> {
    let output = command.output().unwrap();
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
    assert_eq!(sections.len(), 19, "sections with schemas");
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
