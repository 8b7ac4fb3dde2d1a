//! Nothing is left when the test itself is killed.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Class, processes_of, program, program_without_namespaces};
use crate::common::{self, PATIENCE};

fn nothing_is_left_of(mut command: Command) {
    let class = Class::new();
    class.add("a", &format!("sleep 1000 & : {}; wait", class.server));
    command.args(["check", "server", "--class"]).arg(class.directory());
    command.args(["--start", &format!("sh run.sh {}", class.server)]);
    command.env("TMPDIR", class.temporary());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let started = format!("sh run.sh {}", class.server);
    let is_started = || processes_of(&started).iter().any(|line| line.starts_with("sh "));
    while !is_started() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while !processes_of(&class.server).is_empty() || !common::names(&class.temporary()).is_empty() {
        let left = (processes_of(&class.server), common::names(&class.temporary()));
        assert!(Instant::now() < deadline, "{left:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn in_namespaces() {
    nothing_is_left_of(program());
}

#[test]
fn without_namespaces() {
    match program_without_namespaces() {
        Some(program) => nothing_is_left_of(program),
        None => println!("skipped: setpriv and unshare cannot take the right to create namespaces"),
    }
}
