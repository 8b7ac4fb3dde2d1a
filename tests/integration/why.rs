//! `why`: what was tried for a document, what is here of it, and why it is not here.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::thread;
use std::time::Instant;

use crate::common::{Index, PATIENCE, Program, directory, names, run_peer_again, share};

#[test]
fn why_names_attempts_and_kept_bytes() {
    let root = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at * 31 % 251).to_le_bytes()[0]).collect();
    let a = directory(root.path(), "a", &[("large", &large), ("7", b"seven")]);
    let (mine, state) = (directory(root.path(), "mine", &[]), directory(root.path(), "state", &[]));
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    index.wait_for_digests("FILE large", 1);
    let address = index.address.to_string();
    let run = |arguments: &[&str]| {
        let arguments = [&[address.as_str(), "--share", "."], arguments].concat();
        run_peer_again(&arguments, &state, &mine)
    };
    let why = |document: &str| run(&["why", document]);

    // No peer has it, alone and as one of several.
    assert_eq!(run(&["get", "5"]).0, 66);
    assert_eq!(run(&["get", "5", "6"]).0, 66);
    for (document, times) in [("5", 2), ("6", 1)] {
        let (code, output, _) = why(document);
        let reason = format!("not fetched: no peer has RFC {document}\n");
        assert_eq!((code, output.matches(&reason).count()), (0, times), "{output}");
        assert!(output.contains("next try: when `get` or `sync` is asked again"), "{output}");
    }
    // A name that is never saved.
    assert_eq!(run(&["get", "handed-over"]).0, 2);
    let (_, output, _) = why("handed-over");
    assert!(output.contains("never saved in the shared directory: its name has"), "{output}");
    // A dead index.
    let dead = ["127.0.0.1:1", "--share", ".", "get", "8"];
    assert_eq!(run_peer_again(&dead, &state, &mine).0, 69);
    assert!(why("8").1.contains("not fetched: cannot reach the index 127.0.0.1:1"));

    // Programs read times with their offset.
    let object = run(&["--format", "json", "why", "8"]).1;
    let object: serde_json::Value = serde_json::from_str(object.lines().next().unwrap()).unwrap();
    let time = object["time"].as_str().unwrap();
    assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{time}");

    // A download that is killed, and what is kept of it.
    let from = format!("localhost:{port}");
    let arguments =
        [&address, "--share", ".", "--download-limit", "500k", "get", "large", "--from", &from];
    let mut get = Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, &state, &mine);
    let begun = Instant::now();
    let is_begun = |name: &String| fs::metadata(mine.join(name)).is_ok_and(|file| file.len() > 0);
    while !names(&mine).iter().any(is_begun) {
        assert!(begun.elapsed() < PATIENCE, "nothing has come");
        thread::yield_now();
    }
    get.signal("KILL");
    get.wait();
    let before = names(&mine);
    let (code, output, _) = why("large");
    assert_eq!(code, 0);
    assert!(output.contains("  wanted\nkept: "), "{output}");
    assert!(output.contains(" bytes, with which the next download resumes\n"), "{output}");
    let (_, output, _) = run(&["--format", "json", "why", "large"]);
    let kept = output.split("\"kept_bytes\":").nth(1).unwrap();
    assert!(!kept.starts_with('0') && output.contains("\"here\":null"), "{output}");
    assert_eq!(names(&mine), before);

    // Documents that are here.
    assert_eq!(run(&["get", "large"]).0, 0);
    assert!(why("large").1.ends_with("here: ./large\n"));
    fs::write(mine.join("mine"), "mine").unwrap();
    assert_eq!(why("mine").1, "here: ./mine\n");
    // Documents that were never requested, and suggestions.
    assert_eq!(why("9").0, 66);
    assert_eq!(run(&["get", "FILE:7"]).0, 0);
    let (code, _, errors) = why("7");
    assert!(code == 66 && errors.contains("there is a file named `7`: `FILE:7`"), "{errors}");
}
