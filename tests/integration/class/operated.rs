//! Submissions that are clients and peers: their menus are operated.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Class, has_namespaces, processes_of, program, submission};
use crate::common;

const START: &str = "./peer {host}:{port} --share {dir} --upload 127.0.0.1:0";

impl Class {
    /// Adds a submission with this command. It has our peer.
    fn add_peer(&self, name: &str, start: &str) {
        let directory = self.directory().join(name);
        fs::create_dir(&directory).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_peer"), directory.join("peer")).unwrap();
        fs::write(directory.join("start"), start).unwrap();
    }

    /// Tests all of them at the level of the handout, as this kind.
    fn check_peers(&self, mut command: Command, kind: &str, arguments: &[&str]) -> Value {
        command.args(["check", kind, "--level", "handout", "--json", "--class"]);
        command.arg(self.directory()).args(arguments).env("TMPDIR", self.temporary());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let (text, errors) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
        // Nothing is left of them.
        assert!(common::names(&self.temporary()).is_empty(), "{errors}");
        assert_eq!(processes_of(&self.server), [""; 0], "{errors}");
        serde_json::from_slice(&text).unwrap_or_else(|_| panic!("{errors}"))
    }
}

#[test]
fn peers_and_clients_are_operated_and_isolated() {
    if !has_namespaces() {
        return;
    }
    let class = Class::new();
    class.add_peer("a-peer", START);
    // Documents in the submission itself; what is left of it has left its process group.
    let left = format!("setsid sh -c 'sleep 1000; : {}' >&- 2>&- &", class.server);
    let script = format!("{left} exec {}", START.replace("{dir}", "."));
    class.add_peer("in-place", &shlex::try_join(["sh", "-c", &script]).unwrap());
    class.add_peer("missing", "./no-such-program {port}");
    class.add_peer("misspelt", "no-such-program {port}");
    class.add_peer("flood", "yes");
    class.add_peer("dead", "sh -c 'echo no menu; exit 3'");
    class.add_peer("no-menu", START);
    fs::write(class.directory().join("no-menu/menu"), "lst: 1\n").unwrap();
    let object = class.check_peers(program(), "peer", &["--jobs", "3"]);
    for name in ["a-peer", "in-place"] {
        let one = submission(&object, name);
        assert_eq!(
            (&one["grade"], one["problems"].as_array().unwrap().len()),
            (&100.0.into(), 0),
            "{one:#}"
        );
        assert_eq!(one["isolation"]["namespaces"], true);
    }
    for (name, grade, problem) in [
        ("missing", Value::Null, "cannot start `./no-such-program`: No such file or directory"),
        ("misspelt", Value::Null, "cannot start `no-such-program`: no such "),
        ("no-menu", Value::Null, "its file `menu`: line 1: expected `document`, `start`"),
        ("flood", 0.0.into(), "wrote more than 8 MiB of output, and was ended"),
        ("dead", 0.0.into(), "sent no request that could be used; last output `no menu`"),
    ] {
        let one = submission(&object, name);
        let first = one["problems"][0].as_str().unwrap_or_default();
        assert!(
            first.starts_with(problem) && one["grade"] == grade,
            "{name}: {first:?} in {one:#}"
        );
    }
    let ended = submission(&object, "dead")["problems"][1].as_str().unwrap_or_default();
    assert!(ended.starts_with("ended with exit code 3 (in add"), "{ended:?}");
    let cases = |object: &Value| submission(object, "a-peer")["cases"].as_array().unwrap().len();
    let of_peer = cases(&object);
    let object = class.check_peers(program(), "client", &["--start", START]);
    assert_eq!(submission(&object, "missing")["grade"], 100.0, "{object:#}");
    assert!(cases(&object) < of_peer, "a client has no cases for uploads");
}

#[test]
fn without_namespaces_peers_are_operated_one_after_the_other() {
    let Some(program) = super::program_without_namespaces() else {
        println!("skipped: setpriv and unshare cannot take the right to create namespaces");
        return;
    };
    let class = Class::new();
    class.add_peer("a-peer", START);
    let script = format!("setsid sh -c 'sleep 1000; : {}' >&- 2>&- & exit 3", class.server);
    class.add_peer("daemon", &shlex::try_join(["sh", "-c", &script]).unwrap());
    let object = class.check_peers(program, "client", &[]);
    let one = submission(&object, "a-peer");
    assert_eq!(
        (&one["grade"], &one["isolation"]["namespaces"]),
        (&100.0.into(), &false.into()),
        "{one:#}"
    );
    assert_eq!(submission(&object, "daemon")["grade"], 0.0);
}
