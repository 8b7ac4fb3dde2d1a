//! Tests run in a network namespace that has only a loopback interface, so that no packet can leave the machine. They
//! may mount files, which no other program sees.

use std::env;
use std::process::{Command, Output};

use super::skip;

/// Set inside the namespace.
const INSIDE: &str = "TEST_NAMESPACE";

const SCRIPT: &str = "ip link set lo up && exec \"$@\"";

fn isolated(arguments: &[&str]) -> Output {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c", SCRIPT, "sh"]);
    command.args(arguments).env(INSIDE, "1").output().unwrap()
}

/// Whether this is a namespace. Otherwise the test of this name is run in one, and its failure is that of the
/// caller; it is skipped where namespaces are not permitted.
pub fn is_inside(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    if !isolated(&["true"]).status.success() {
        skip("network namespaces are not permitted here");
        return false;
    }
    let program = env::current_exe().unwrap();
    let output = isolated(&[program.to_str().unwrap(), "--exact", test, "--nocapture"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "the test {test} was not run:\n{text}{errors}");
    false
}
