//! Input that others may have written, and a tshark that has to be ended.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{directory, lab};
use crate::common::PATIENCE;

/// Waits for a condition.
fn wait_until(what: &str, mut is_reached: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_reached() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

#[test]
fn text_of_a_scenario_is_printed_without_control_characters() {
    let root = directory();
    let scenario = |event: &str| {
        format!(
            "title = \"x\\u001b[2J\\u0007\\u009b\"\nabout = \"\"\"a\\u001b]0;p\\u0007\nb\\u202e\"\"\"\n\
             duration = \"1 s\"\n[[peers]]\nname = \"a\"\n[[events]]\nat = \"0 s\"\ndo = \"{event}\"\n"
        )
    };
    for (event, json, exit) in
        [("slow 1 1 MiB", false, 0), ("slow 1 1 MiB", true, 0), ("\\u001b[2Jx 1", false, 2)]
    {
        fs::write(root.path().join("x.toml"), scenario(event)).unwrap();
        let mut arguments = vec!["run", "x.toml"];
        arguments.extend(json.then_some("--json"));
        let Output { status, stdout, stderr } =
            lab(root.path(), &arguments).stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert_eq!(status.code(), Some(exit), "{printed}");
        let is_shown = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
        assert!(printed.chars().all(is_shown), "{printed:?}");
        assert!(printed.contains("\\x1b[2J"), "{printed}");
        if json {
            assert!(printed.contains("\"title\":\"x\\u001b[2J\\u0007\\u009b\""), "{printed}");
        }
    }
    let plot = fs::read_to_string(root.path().join("x.svg")).unwrap();
    assert!(plot.chars().all(|c| c == '\n' || !c.is_control()), "{plot:?}");
}

#[test]
fn a_line_that_is_too_long_is_reported_and_skipped() {
    let root = directory();
    let mut child = lab(root.path(), &["1"]).spawn().unwrap();
    let input = format!("{}\nlist\nquit\n", "x".repeat(1 << 20));
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, .. } = child.wait_with_output().unwrap();
    let printed = String::from_utf8(stdout).unwrap();
    assert_eq!(status.code(), Some(0), "{printed}");
    let error = "expected a command of at most 4096 bytes, found a longer line";
    assert_eq!(printed.matches(error).count(), 1, "{printed}");
    assert!(printed.contains("RFC 101, RFC 102"), "{printed}");
}

/// The second signal does not wait for the ordered end. Then tshark is ended, too.
#[test]
fn a_second_signal_leaves_no_tshark() {
    let root = directory();
    let tshark = root.path().join("tshark");
    fs::write(
        &tshark,
        "#!/bin/sh\ntrap 'kill $!; : >ended; exit' TERM\ntrap '' INT\nsleep 60 &\necho 'Capturing on lo' >&2\nwait\n",
    )
    .unwrap();
    fs::set_permissions(&tshark, PermissionsExt::from_mode(0o755)).unwrap();
    let mut path = std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect::<Vec<_>>();
    path.insert(0, root.path().into());
    let mut command = lab(root.path(), &["run", "six-clients", "--no-plot"]);
    let mut child = command.env("PATH", std::env::join_paths(path).unwrap()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut printed = String::new();
    let mut part = [0; 1000];
    wait_until("a peer joins", || {
        let count = output.read(&mut part).unwrap();
        printed.push_str(&String::from_utf8_lossy(&part[..count]));
        printed.contains("joins at")
    });
    signal(&child);
    // Two signals at the same time may arrive as one; then the program ends 5 s after it, which is tested as well.
    std::thread::sleep(Duration::from_millis(100));
    signal(&child);
    wait_until("the laboratory ends", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    wait_until("tshark ends", || root.path().join("ended").exists());
}
