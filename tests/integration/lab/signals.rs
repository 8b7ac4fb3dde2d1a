//! Signals, failed starts, and readers that go away.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::{check_removed, directory, lab, run};
use crate::common::PATIENCE;

/// The next line with this part.
fn line_with(lines: &mut impl Iterator<Item = std::io::Result<String>>, part: &str) -> String {
    lines.map(Result::unwrap).find(|line| line.contains(part)).expect(part)
}

pub(super) fn end(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the laboratory does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_laboratory_and_removes_its_files() {
    for (arguments, signal, exit) in [
        (&["3"] as &[&str], "INT", 130),
        (&["run", "flash-crowd", "--no-plot"], "INT", 130),
        (&["2", "--latency", "500"], "TERM", 143),
    ] {
        let root = directory();
        let mut child = lab(root.path(), arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let joined = line_with(&mut lines, "joins at ");
        let sent =
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        assert_eq!(end(&mut child), Some(exit), "{arguments:?}");
        check_removed(root.path());
        // Its port is free.
        let address = joined.split(' ').next_back().unwrap();
        TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    }
}

#[test]
fn a_failed_start_leaves_nothing_behind() {
    let root = directory();
    fs::write(root.path().join("taken"), "text").unwrap();
    fs::write(root.path().join("six-clients.svg"), "<svg of mine>").unwrap();
    fs::write(root.path().join("wrong.toml"), "title = \"x\"\nduration = \"1 s\"\nlatency = 5\n")
        .unwrap();
    for (arguments, exit, message) in [
        (&["2", "--record", "taken"] as &[&str], 74, "cannot record to `taken`, which exists"),
        (&["2", "--share", "missing"], 1, "the laboratory cannot start: "),
        (&["run", "missing"], 2, "there is no scenario `missing`: `p2p-ci lab list`"),
        (&["run", "missing.toml"], 74, "cannot read missing.toml"),
        (
            &["run", "wrong.toml"],
            2,
            "wrong.toml: line 3: unknown key `latency`; expected one of `title`",
        ),
        (
            &["run", "six-clients"],
            74,
            "cannot write the plot to six-clients.svg, which is another file",
        ),
        (&["201"], 2, "201"),
        (&["print", "missing"], 2, "there is no scenario `missing`"),
    ] {
        let (found, output, errors) = run(root.path(), arguments, "");
        assert_eq!((found, output.as_str()), (exit, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(message), "{arguments:?}: {errors}");
        check_removed(root.path());
    }
    assert_eq!(fs::read_to_string(root.path().join("taken")).unwrap(), "text");
}

#[test]
fn a_reader_that_goes_away_ends_a_laboratory() {
    let root = directory();
    let mut child = lab(root.path(), &["2"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    line_with(&mut lines, "peer 2");
    drop(lines);
    let mut input = child.stdin.take().unwrap();
    let _ = input.write_all(b"get 2 RFC 101\nlist\nlist\n");
    assert_eq!(end(&mut child), Some(74));
    check_removed(root.path());
}

/// Nobody could remove the store of such a laboratory: the next one removes the directory that the store uses.
#[cfg(all(feature = "cluster", unix))]
#[test]
fn the_store_of_a_laboratory_that_is_killed_ends() {
    if Command::new("redis-server").arg("--version").output().is_err() {
        return crate::common::skip("redis-server is not installed");
    }
    let root = directory();
    let arguments = ["run", "disconnected", "--no-plot"];
    let mut child = lab(root.path(), &arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    line_with(&mut lines, "joins at ");
    let entry = fs::read_dir(root.path().join("tmp")).unwrap().next().unwrap();
    let store = entry.unwrap().path().join("store");
    let connect = || std::os::unix::net::UnixStream::connect(&store);
    connect().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let begun = Instant::now();
    while connect().is_ok() {
        assert!(begun.elapsed() < PATIENCE, "the store does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Before, the scenario went on until its end, and the cause was not named.
#[cfg(all(feature = "cluster", target_os = "linux"))]
#[test]
fn a_scenario_ends_when_its_store_is_killed() {
    if Command::new("redis-server").arg("--version").output().is_err() {
        return crate::common::skip("redis-server is not installed");
    }
    let root = directory();
    // With fewer peers than the scenario: this process may have few descriptors.
    let scenario = include_str!("../../../scenarios/disconnected.toml");
    let scenario = scenario.replace("count = 190", "count = 5").replace("count = 10", "count = 1");
    fs::write(root.path().join("small.toml"), scenario).unwrap();
    let arguments = ["run", "small.toml", "--no-plot"];
    let mut child = lab(root.path(), &arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    line_with(&mut lines, "joins at ");
    let store = crate::common::child_of(child.id());
    assert!(Command::new("kill").args(["-KILL", &store]).status().unwrap().success());
    let output = std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    assert_eq!(end(&mut child), Some(1));
    output.join().unwrap();
    let errors = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(errors.contains("`redis-server`, has ended: signal: 9 (SIGKILL)"), "{errors}");
    check_removed(root.path());
}
