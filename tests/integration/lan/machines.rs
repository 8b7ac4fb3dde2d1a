//! Two machines on one network: two network namespaces with a cable between them. This program's user is root
//! there, so an ordinary user can set them up.

use std::path::Path;

use crate::common;

/// Sets both machines up: 10.77.0.1 is the one that runs the script, and `other` runs a command on 10.77.0.2, whose
/// namespace is `$far`.
/// `await` repeats a command until it succeeds, at most for a minute.
const SET_UP: &str = r#"
    set -u
    await() { for _ in $(seq 300); do "$@" && return 0; sleep 0.2; done; echo "GAVE UP: $*"; return 1; }
    ip link set lo up
    ip link add name near type veth peer name far || exit 99
    unshare --net sleep 500 & machine=$!
    far=/proc/$machine/ns/net
    other() { nsenter --net=$far "$@"; }
    separate() { [ "$(readlink /proc/$machine/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
    mount -t proc proc /proc || exit 99
    await separate || exit 99
    ip link set far netns $machine || exit 99
    ip addr add 10.77.0.1/24 dev near && ip link set near up || exit 99
    other ip link set lo up
    other ip addr add 10.77.0.2/24 dev far && other ip link set far up || exit 99
"#;

/// Runs a script on the first machine, and returns what it has printed. `None`: there are no namespaces here.
pub(super) fn run(script: &str, directory: &Path) -> Option<String> {
    let script = format!("exec 2>&1\n{SET_UP}\n{script}");
    let output = common::run_on_own_machine(&script, directory);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(99) || errors.contains("unshare:") {
        common::skip(&format!("there are no network namespaces here: {text}{errors}"));
        return None;
    }
    Some(text)
}
