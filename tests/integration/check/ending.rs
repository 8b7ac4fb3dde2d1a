//! Nothing is left of a program that `check peer` starts.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use super::check;
use crate::common::{self, Program};

/// A pipe that all processes of a program have open.
struct Processes {
    pipe: BufReader<File>,
}

/// Begins a script whose processes all have the pipe in this directory open.
fn script(root: &Path, commands: &str) -> String {
    let pipe = root.join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    let script = format!("exec 9>'{}'; {commands}", pipe.display());
    shlex::try_join(["/bin/sh", "-c", &script]).unwrap()
}

impl Processes {
    /// Waits until the script has begun, and has written a line.
    fn wait(root: &Path) -> Self {
        let mut pipe = BufReader::new(File::open(root.join("pipe")).unwrap());
        pipe.read_line(&mut String::new()).unwrap();
        Self { pipe }
    }

    /// Waits until all of them have ended. By themselves they do so after 60 s.
    fn wait_for_end(mut self) {
        let begun = Instant::now();
        self.pipe.read_to_end(&mut Vec::new()).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    }
}

/// Ctrl-C kills all processes of the program, and removes its directory.
#[test]
fn an_interrupt_leaves_nothing_behind() {
    let (root, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let commands =
        "trap '' INT TERM; (setsid sleep 60 &) ; sleep 60 & echo {dir} >&9; wait; sleep 60";
    let command = script(root.path(), commands);
    let arguments = ["check", "peer", "--start", &command, "--listen", "127.0.0.1:0"];
    // The directories of programs are in that for temporary files, which is the directory here.
    let mut tester = Program::start_in(env!("CARGO_BIN_EXE_p2p-ci"), &arguments, temporary.path());
    assert!(tester.line().starts_with("listening on "));
    let processes = Processes::wait(root.path());
    tester.signal("INT");
    assert_eq!(tester.wait().code(), Some(130));
    processes.wait_for_end();
    assert_eq!(common::names(temporary.path()), [""; 0]);
}

/// Ctrl-C removes what was put into the user's own directory, and nothing else.
#[test]
fn an_interrupt_leaves_the_directory_of_the_user_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let own = common::directory(root.path(), "own", &[]);
    let command = script(root.path(), "ls '{dir}' >'{dir}/listed'; echo begun >&9; exec sleep 60");
    let mut arguments = vec!["check", "peer", "--start", &command, "--listen", "127.0.0.1:0"];
    arguments.extend(["--dir", own.to_str().unwrap()]);
    let mut tester = Program::start(env!("CARGO_BIN_EXE_p2p-ci"), &arguments, root.path());
    assert!(tester.line().starts_with("listening on "));
    let processes = Processes::wait(root.path());
    tester.signal("INT");
    assert_eq!(tester.wait().code(), Some(130));
    processes.wait_for_end();
    let listed = fs::read_to_string(own.join("listed")).unwrap();
    assert!(listed.contains("rfc"), "{listed:?}");
    assert_eq!(common::names(&own), ["listed"]);
}

/// Processes that have left the process group are ended with the program.
#[test]
fn a_process_that_leaves_the_group_is_ended() {
    let root = tempfile::tempdir().unwrap();
    let command = script(root.path(), "(setsid sh -c 'sleep 60; :' &) ; echo begun >&9; exit 3");
    let (code, processes) = std::thread::scope(|scope| {
        let processes = scope.spawn(|| Processes::wait(root.path()));
        let (code, _, errors) = check(&["peer", "--start", &command, "--level", "handout"]);
        assert_eq!(errors, "");
        (code, processes.join().unwrap())
    });
    assert_eq!(code, 1);
    processes.wait_for_end();
}

/// What a shell has started before it becomes this program is no part of the program under test.
#[test]
fn other_children_are_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let other = root.path().join("other");
    rustix::fs::mkfifoat(rustix::fs::CWD, &other, 0o600.into()).unwrap();
    let script =
        "cat \"$1\" & exec \"$2\" check peer --start 'sh -c \"exit 3\"' --level handout >\"$1\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(&other).arg(env!("CARGO_BIN_EXE_p2p-ci"));
    let output = shell.output().unwrap();
    // The other process has passed on everything.
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\n0 of ") && text.contains("grade 0.0 of 100\n"), "{text:?}");
}
