//! `p2p-ci lab`: peers that do what is typed, scenarios at a small scale, and that nothing is left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

#[cfg(unix)]
mod input;
mod page;
mod signals;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common;
use crate::common::in_parallel;
use serde_json::Value;
#[cfg(unix)]
use signals::end;

/// `p2p-ci lab` in this directory, whose temporary files are in `tmp` there.
fn lab(directory: &Path, arguments: &[&str]) -> Command {
    let tmp = directory.join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    command
        .arg("lab")
        .args(arguments)
        .current_dir(directory)
        .env("TMPDIR", tmp)
        .env_remove("RUST_LOG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it with this input.
fn run(directory: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = lab(directory, arguments).spawn().unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Nothing is left in the directory of temporary files.
fn check_removed(directory: &Path) {
    let left: Vec<_> = fs::read_dir(directory.join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("la b").tempdir().unwrap()
}

#[test]
fn peers_do_what_is_typed_and_everything_is_recorded_and_removed() {
    let root = directory();
    let commands =
        "# a comment\nlist\nget 2 RFC 101\nwait 1 s\nleave 1\njoin\nget 4 102\njump\nlist\n";
    let arguments = ["3", "--latency", "5", "--rate", "4M", "--record", "all.pcapng"];
    let (exit, output, errors) = run(root.path(), &arguments, commands);
    assert_eq!((exit, errors.as_str()), (0, ""), "{output}");
    let has = |part: &str| assert!(output.contains(part), "{part}\n{output}");
    has("peer 2 has RFC 101, 65536 bytes from peer 1");
    has("peer 4 has given up RFC 102: no peer has RFC 102");
    has("expected a command, such as `get 2 RFC 101` or `leave 3`, found `jump`");
    has("peer 1 leaves");
    has("1 peer         has left");
    has("  documents    1 of 2 delivered, 65,536 bytes");
    has(
        "  failures     1 document given up, 0 unfinished, 3 retries, 0 failures of holders; 1 peer left",
    );
    if cfg!(target_os = "linux") {
        has("peer 2 → peer 1    C: GET RFC 101 P2P-CI/1.0");
        has("peer 2 → peer 1    S: … 65536 bytes");
        has("S: RFC 101 Document 101 of the Laboratory 127.20.0.2 ");
        let record = Command::new(env!("CARGO_BIN_EXE_p2p-ci"))
            .args(["explain", "all.pcapng"])
            .current_dir(root.path())
            .output()
            .unwrap();
        let text = String::from_utf8(record.stdout).unwrap();
        if let Ok(output) = Command::new("tshark")
            .args([
                "-X",
                concat!("lua_script:", env!("CARGO_MANIFEST_DIR"), "/wireshark/p2pci.lua"),
            ])
            .args(["-Y", "p2pci.method == \"GET\"", "-r", "all.pcapng"])
            .current_dir(root.path())
            .output()
        {
            assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
        } else {
            common::skip("tshark is not installed");
        }
        // Each connection is recorded once, by the side that accepts it.
        let line = text.lines().find(|line| line.contains("C: GET RFC 101")).expect(&text);
        let stream = line.split_whitespace().find(|word| word.starts_with('[')).unwrap();
        let connects = |line: &&str| line.contains(stream) && line.contains("connects to");
        let connected = text.lines().find(connects).expect(&text);
        assert!(
            connected.contains(" 127.20.0.2:") && connected.contains(" 127.20.0.1:"),
            "{connected}"
        );
        assert_eq!(text.matches("C: GET RFC 101").count(), 1, "{text}");
        assert!(!text.contains("   ! "), "violations of the protocol:\n{text}");
    }
    check_removed(root.path());
}

#[test]
fn files_of_a_directory_are_dealt_to_the_peers() {
    let root = directory();
    let names = ["a.txt", "b.txt", "c.txt"];
    common::directory(root.path(), "papers", &names.map(|name| (name, name.as_bytes())));
    let commands = "list\nget 2 FILE a.txt\n";
    let (exit, output, errors) = run(root.path(), &["2", "--share", "papers"], commands);
    assert_eq!((exit, errors.as_str()), (0, ""), "{output}");
    let peers: Vec<&str> = output.lines().filter(|line| line.contains(" ms ")).collect();
    assert!(
        peers[0].ends_with("FILE a.txt, FILE c.txt") && peers[1].ends_with("FILE b.txt"),
        "{peers:?}"
    );
    assert!(output.contains("peer 2 has FILE a.txt, 5 bytes from peer 1"), "{output}");
    check_removed(root.path());
}

/// The text of a scenario of the program, with these replacements.
fn scaled(directory: &Path, name: &str, replaced: &[(&str, &str)]) {
    let (exit, text, _) = run(directory, &["print", name], "");
    assert_eq!(exit, 0);
    let scaled = replaced.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{name}: {from}");
        text.replace(from, to)
    });
    fs::write(directory.join("small.toml"), scaled).unwrap();
}

/// Each scenario with smaller documents and shorter pauses: the numbers of wanted documents and of joined peers,
/// the bytes of all documents, and the least number of failures of holders.
#[test]
fn scenarios_end_with_the_expected_figures() {
    type Replaced = &'static [(&'static str, &'static str)];
    let cases: [(&str, Replaced, u64, u64, u64, u64); 5] = [
        (
            "flash-crowd",
            &[("10 MiB", "100 KiB"), ("\"1 s\" ", "\"50 ms\" ")],
            15,
            16,
            15 * 102_400,
            0,
        ),
        (
            "slow-holder",
            &[("512 KiB", "100 KiB"), ("count = 4", "count = 2")],
            12,
            5,
            12 * 102_400,
            0,
        ),
        ("dishonest-holder", &[("200 KiB", "70 KiB")], 20, 8, 20 * 71_680, 1),
        (
            "stopping-holder",
            &[("200 KiB", "70 KiB"), ("count = 4", "count = 2")],
            6,
            4,
            6 * 71_680,
            1,
        ),
        ("six-clients", &[], 50, 6, 10_730_000, 0),
    ];
    in_parallel(cases, |(name, replaced, wanted, peers, bytes, failures)| {
        let root = directory();
        scaled(root.path(), name, replaced);
        let (exit, output, errors) = run(root.path(), &["run", "small.toml", "--json"], "");
        assert_eq!(exit, 0, "{name}: {errors}");
        let figures: Value = serde_json::from_str(&output).expect(name);
        let number =
            |key: &str| figures[key].as_u64().unwrap_or_else(|| panic!("{name} {key}: {figures}"));
        assert_eq!(
            (number("v"), number("wanted"), number("delivered")),
            (1, wanted, wanted),
            "{name}: {errors}"
        );
        assert_eq!((number("peers"), number("bytes")), (peers, bytes), "{name}");
        assert!(number("holders_failed") >= failures, "{name}: {errors}");
        assert!(figures["all"].as_f64() >= figures["p50"].as_f64(), "{name}: {figures}");
        let requests = &figures["requests"];
        assert!(
            requests["GET"].as_u64() >= Some(wanted) && requests["ADD"].as_u64() >= Some(wanted)
        );
        let plot = fs::read_to_string(root.path().join("small.svg")).unwrap();
        assert!(plot.contains("Documents delivered"), "{name}");
        if name == "six-clients" {
            assert_eq!(figures["published"]["packets"], 3037);
            // It counts, or it says why not.
            let tshark = &figures["tshark"];
            assert!(
                tshark["packets"].as_u64() > Some(200) || tshark["not_counted"].is_string(),
                "{tshark}"
            );
        }
        check_removed(root.path());
    });
}

/// Three index servers, of which one loses its network: its peers register with the others.
#[cfg(all(feature = "cluster", unix))]
#[test]
fn a_server_that_loses_its_network_is_replaced() {
    if Command::new("redis-server").arg("--version").output().is_err() {
        return common::skip("redis-server is not installed");
    }
    let root = directory();
    let replaced = [
        ("count = 190", "count = 10"),
        ("count = 10\njoins = \"4 s\"", "count = 2\njoins = \"1 s\""),
        ("gets_at = \"8 s\"", "gets_at = \"2 s\""),
        ("at = \"10 s\"", "at = \"4 s\""),
        ("at = \"25 s\"", "at = \"20 s\""),
    ];
    scaled(root.path(), "disconnected", &replaced);
    let (exit, output, errors) = run(root.path(), &["run", "small.toml", "--json"], "");
    assert_eq!(exit, 0, "{errors}");
    let figures: Value = serde_json::from_str(&output).unwrap();
    let found = &figures["availability"];
    let (all, outage) = (&found["lookups"], &found["outages"][0]);
    assert_eq!((&found["servers"], &outage["server"]), (&3.into(), &2.into()), "{figures}");
    assert_eq!((&all["wrong"], &outage["lookups"]["wrong"]), (&0.into(), &0.into()), "{errors}");
    assert!(outage["peers"].as_u64() >= Some(3), "{figures}");
    assert!(outage["lookups"]["found"].as_u64() > Some(10), "{figures}");
    for key in ["registered_again", "listed_again"] {
        assert!(outage[key].as_f64() > Some(0.0), "{key}: {figures}");
    }
    assert_eq!(figures["delivered"], figures["wanted"], "{errors}");
    let plot = fs::read_to_string(root.path().join("small.svg")).unwrap();
    assert!(plot.contains("Records of each index server"));
    // The store has ended, too.
    let left = Command::new("pgrep").args(["-f", root.path().to_str().unwrap()]).output();
    if let Ok(left) = left {
        assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    }
    check_removed(root.path());
}

#[cfg(all(feature = "cluster", unix))]
#[test]
fn several_servers_need_a_store() {
    let root = directory();
    let mut command = lab(root.path(), &["run", "disconnected", "--no-plot"]);
    let output = command.env("PATH", root.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("neither `redis-server` nor `valkey-server` was found"), "{errors}");
    check_removed(root.path());
}

#[test]
fn peers_that_leave_are_counted_and_their_documents_may_be_lost() {
    let root = directory();
    let replaced =
        [("200 KiB", "50 KiB"), ("count = 6", "count = 3"), ("do = \"join 1\"", "do = \"join 1\"")];
    scaled(root.path(), "churn", &replaced);
    let (exit, output, errors) =
        run(root.path(), &["run", "small.toml", "--json", "--no-plot"], "");
    assert_eq!(exit, 0, "{errors}");
    let figures: Value = serde_json::from_str(&output).unwrap();
    let number = |key: &str| figures[key].as_u64().unwrap();
    // Three of nine peers stay, and one comes back.
    assert_eq!((number("peers"), number("left")), (10, 6));
    assert_eq!(number("wanted"), number("delivered") + number("failed"), "{errors}");
    assert!(number("delivered") > 0);
    assert!(!root.path().join("small.svg").exists());
    check_removed(root.path());
}

/// A terminal that util-linux's `script` provides.
#[cfg(unix)]
#[test]
fn commands_are_typed_at_a_prompt() {
    let probe = Command::new("script").args(["-qec", "true", "/dev/null"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return common::skip("there is no `script` of util-linux");
    }
    for (typed, expected, last, exit) in [
        ("list\r", "RFC 103, RFC 104", "quit\r", 0),
        ("slow 2 5\r", "of at least 4 KiB a second", "\u{3}", 130),
    ] {
        let root = directory();
        let tmp = root.path().join("tmp");
        fs::create_dir(&tmp).unwrap();
        let mut script = Command::new("script");
        // Paths come through the environment: they may hold blanks.
        script.args(["-qefc", "exec \"$LAB\" lab 2", "/dev/null"]);
        script.env("LAB", env!("CARGO_BIN_EXE_p2p-ci")).env("TMPDIR", tmp).env("TERM", "xterm");
        script.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut seen = Vec::new();
        let mut wait_for = |text: &str| {
            let mut byte = [0];
            while !seen.ends_with(text.as_bytes()) {
                output.read_exact(&mut byte).unwrap_or_else(|error| {
                    panic!("{text}: {error}\n{}", String::from_utf8_lossy(&seen))
                });
                seen.push(byte[0]);
            }
        };
        wait_for("lab> ");
        let mut input = child.stdin.take().unwrap();
        input.write_all(typed.as_bytes()).unwrap();
        wait_for(expected);
        wait_for("lab> ");
        input.write_all(last.as_bytes()).unwrap();
        assert_eq!(end(&mut child), Some(exit), "{typed:?}");
        check_removed(root.path());
    }
}
