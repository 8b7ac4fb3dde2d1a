//! Scripts on a machine of their own: new namespaces, in which this program's user is root. An ordinary user can
//! set them up.

use std::path::Path;
use std::process::{Command, Output};

/// The namespaces, all of whose processes end together.
pub const NAMESPACES: [&str; 7] =
    ["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child"];

/// Runs a script, at most for 400 s, with the programs in its path and a state of its own.
pub fn run_on_own_machine(script: &str, directory: &Path) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_p2p-ci")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    Command::new("timeout")
        .args(["400", "unshare"])
        .args(NAMESPACES)
        .args(["bash", "-c", script])
        .current_dir(directory)
        .env("PATH", path)
        .env("HOME", directory)
        .env("XDG_STATE_HOME", directory.join(".state"))
        .env("XDG_CACHE_HOME", directory.join(".cache"))
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}
