//! `p2p-ci check --class`: hostile submissions cannot harm others, and nothing of them is left.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "tests that are skipped")]

mod isolated;
mod operated;
mod output;
mod programs;
mod shared;
mod stopping;
mod uploads;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::common;

/// A directory of submissions, and one for temporary files.
struct Class {
    root: TempDir,
    /// The name of the copies of our server, by which their processes are found.
    server: String,
}

impl Class {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["a class", "temporary"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let name = root.path().file_name().unwrap().to_string_lossy();
        let server = format!("server{}", name.replace('.', "-"));
        Self { root, server }
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("a class")
    }

    fn temporary(&self) -> PathBuf {
        self.root.path().join("temporary")
    }

    /// Adds a submission with this script, in which `SERVE` starts our server.
    fn add(&self, name: &str, script: &str) {
        let directory = self.directory().join(name);
        fs::create_dir(&directory).unwrap();
        let serve = format!("./{} --listen 127.0.0.1:$1", self.server);
        if script.contains("SERVE") {
            fs::copy(env!("CARGO_BIN_EXE_server"), directory.join(&self.server)).unwrap();
        }
        fs::write(directory.join("run.sh"), script.replace("SERVE", &serve)).unwrap();
    }

    /// Tests all of them, started as `sh run.sh PORT`: exit code, standard output, standard error.
    fn check(&self, mut command: Command, arguments: &[&str]) -> (i32, String, String) {
        command.args(["check", "server", "--level", "handout", "--class"]).arg(self.directory());
        command.args(["--start", "sh run.sh {port}"]).args(arguments);
        command.env("TMPDIR", self.temporary()).env("SECRET", "of the teacher");
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (code, output, errors) =
            (output.status.code().unwrap(), text(output.stdout), text(output.stderr));
        // Nothing is left of them.
        assert!(common::names(&self.temporary()).is_empty(), "{errors}");
        assert_eq!(processes_of(&self.server), [""; 0], "{errors}");
        (code, output, errors)
    }

    /// The same as JSON.
    fn results(&self, command: Command, arguments: &[&str]) -> Value {
        let (code, output, errors) = self.check(command, &[arguments, &["--json"]].concat());
        let object: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{errors}"));
        let all = object["submissions"].as_array().unwrap();
        assert_eq!(code, i32::from(all.iter().any(|one| one["grade"] != 100.0)), "{object:#}");
        let names: Vec<&str> = all.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(names.is_sorted(), "{names:?}");
        object
    }
}

/// The command lines that have this name in them.
fn processes_of(name: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(name)).collect()
}

fn submission<'a>(object: &'a Value, name: &str) -> &'a Value {
    let all = object["submissions"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap()
}

/// Our program.
fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_p2p-ci"))
}

/// Our program where it may not create namespaces; `None` if that cannot be tested here.
fn program_without_namespaces() -> Option<Command> {
    let set = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
    let in_namespace = ["unshare", "--user", "--map-root-user"];
    let without = |words: &[&str]| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command
    };
    // An ordinary user may create a user namespace without any right, and is root in one.
    let is_root = rustix::process::getuid().is_root();
    let words = if is_root { set.to_vec() } else { [&in_namespace[..], &set].concat() };
    let works = without(&words).arg("true").stderr(Stdio::null()).status().ok()?.success();
    works.then(|| {
        let mut command = without(&words);
        command.arg(env!("CARGO_BIN_EXE_p2p-ci"));
        command
    })
}

/// Whether this system allows namespaces to our program.
fn has_namespaces() -> bool {
    let class = Class::new();
    class.add("a", "exit 0");
    let object = class.results(program(), &[]);
    let has = submission(&object, "a")["isolation"]["namespaces"] == true;
    if !has {
        println!("skipped: this system allows no namespaces");
    }
    has
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
