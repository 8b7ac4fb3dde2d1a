//! Submissions in namespaces of their own.

use std::fs;

use serde_json::Value;

use crate::common;

use super::programs::{self, ABORTS_AT_LOOKUP, HANGS};
use super::{Class, exists, has_namespaces, program, submission};

#[test]
fn descriptors_of_the_tester_are_not_inherited() {
    let class = Class::new();
    // The shell may have descriptors of its own from 10 on; `ls` opens the directory as 3.
    class.add(
        "a",
        "test \"$(ls /proc/self/fd | tr '\\n' ' ')\" = '0 1 2 3 ' || exit 11\nexec SERVE",
    );
    let log = class.root.path().join("log");
    fs::write(&log, "log").unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"exec 8<"$1" 9>>"$2" && shift 2 && exec "$@""#, "sh"]);
    shell.arg(class.directory()).arg(&log).arg(env!("CARGO_BIN_EXE_p2p-ci"));
    let object = class.results(shell, &[]);
    let one = submission(&object, "a");
    assert_eq!(one["grade"], 100.0, "{one:#}");
}

#[test]
fn a_submission_that_cannot_be_watched_is_ended() {
    let class = Class::new();
    // The process that tests it is its parent.
    class.add("a", "prlimit --pid $PPID --nofile=3:3 || exit 11\nexec sleep 1000");
    let object = class.results(program(), &[]);
    let one = submission(&object, "a");
    let problem = one["problems"][0].as_str().unwrap();
    // Another user cannot do that.
    let refused = problem.starts_with("ended with exit code 11");
    let is_ended = problem.starts_with("has processes that could not be watched");
    assert!(is_ended || refused && one["isolation"]["user"] == true, "{one:#}");
}

#[test]
fn hostile_submissions_are_graded_and_leave_nothing() {
    if !has_namespaces() {
        return;
    }
    let class = Class::new();
    let outside = class.root.path().join("outside");
    let others = class.directory();
    for (name, script) in [
        ("good", "exec SERVE".to_string()),
        ("daemon", "(setsid SERVE </dev/null >/dev/null 2>&1 &)\nexit 0".into()),
        // Also the process that tests it, which is its parent.
        ("kills-all", "kill -9 $PPID; kill -9 1; kill -9 -1; exec SERVE".into()),
        ("no-start", "echo starting; exit 3".into()),
        ("never-listens", "sleep 1000".into()),
        ("other-port", format!("exec ./{} --listen 127.0.0.1:7000", class.server)),
        ("crashes", format!("exec ./program {ABORTS_AT_LOOKUP}")),
        ("hangs", format!("exec ./program {HANGS}")),
        ("fork-bomb", "f() { f | f & }; f; sleep 1000".into()),
        ("memory", "exec tail /dev/zero".into()),
        ("flood", "yes; exec SERVE".into()),
        ("huge-file", "exec 2>/dev/null; head -c 100000000 /dev/zero >file; echo $?; exit 5".into()),
        (
            "many-files",
            "exec 2>/dev/null; i=0; while head -c 60000000 /dev/zero >f$i; do i=$((i+1)); done; echo full at $i; exit 6"
                .into(),
        ),
        (
            "curious",
            format!(
                "test -z \"$(ls -A \"$HOME\")\" || exit 11\n\
                 test -z \"$SECRET\" || exit 12\n\
                 touch '{0}' 2>/dev/null && exit 13\n\
                 test -z \"$(ls -A '{1}' 2>/dev/null)\" || exit 14\n\
                 test \"$(hostname)\" = localhost || exit 15\n\
                 exec SERVE",
                outside.display(),
                others.display()
            ),
        ),
        ("writes", "touch new; rm run.sh; exec SERVE".into()),
    ] {
        class.add(name, &script);
        if script.contains("./program") {
            programs::copy_to(&class.directory().join(name).join("program"));
        }
        if name == "other-port" {
            let copy = class.directory().join(name).join(&class.server);
            fs::copy(env!("CARGO_BIN_EXE_server"), copy).unwrap();
        }
    }
    fs::write(class.directory().join("good/\u{1b}name"), "").unwrap();
    let object = class.results(program(), &["--jobs", "4"]);

    for name in ["good", "daemon", "kills-all", "curious", "writes"] {
        let one = submission(&object, name);
        assert_eq!(
            (&one["grade"], &one["problems"]),
            (&100.0.into(), &Value::Array([].into())),
            "{one:#}"
        );
    }
    for (name, problem) in [
        ("no-start", "ended with exit code 3; last output `starting` (before it listened)"),
        ("never-listens", "did not listen on port 7734 within 10 s"),
        ("other-port", "did not listen on port 7734 within 10 s, but on 7000"),
        ("crashes", "was ended by signal 6 (abort)"),
        ("hangs", "did not reply any more (in "),
        ("flood", "wrote more than 8 MiB of output, and was ended"),
        ("huge-file", "ended with exit code 5; last output `153`"),
        ("many-files", "ended with exit code 6; last output `full at 4`"),
    ] {
        let one = submission(&object, name);
        let first = one["problems"][0].as_str().unwrap_or_default();
        assert!(first.contains(problem) && one["grade"] != 100.0, "{name}: {first:?} in {one:#}");
    }
    for name in ["fork-bomb", "memory"] {
        let one = submission(&object, name);
        assert_eq!(one["grade"], 0.0, "{one:#}");
        assert_eq!(one["problems"].as_array().unwrap().len(), 1, "{one:#}");
    }
    // It is started again after each crash.
    let crashes = submission(&object, "crashes");
    let problems = crashes["problems"].as_array().unwrap();
    assert!(problems.len() > 1, "{crashes:#}");
    let first = problems[0].as_str().unwrap();
    // On a busy machine the end of its process is seen in the case after that of its connections.
    let is_near = ["lookup-missing", "list-found"]
        .iter()
        .any(|case| first.ends_with(&format!(" (in {case})")));
    assert!(is_near, "{crashes:#}");
    assert!(problems.iter().all(|one| one.as_str().unwrap().contains("(abort)")), "{crashes:#}");
    let isolation = &submission(&object, "good")["isolation"];
    assert_eq!(isolation["namespaces"], true);

    // What a submission has changed is its copy.
    let names = common::names(&class.directory().join("writes"));
    assert!(names.contains(&"run.sh".into()) && !names.contains(&"new".into()), "{names:?}");
    assert!(!exists(&outside));
}
