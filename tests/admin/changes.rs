//! Changes over the status page: the token, and `p2p-ci admin url`.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::exchange;
use super::page::Events;
use crate::common::{Index, PATIENCE, Program};

/// The reply to POST with these header lines.
fn post(address: SocketAddr, path: &str, lines: &str, form: &str) -> (String, String) {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = form.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}");
    exchange(stream, &format!("{head}Content-Length: {length}\r\n\r\n{form}"))
}

fn status(address: SocketAddr, lines: &str) -> (String, String) {
    let (head, body) = post(address, "/page/unban", lines, "network=192.0.2.1");
    (head.split(' ').nth(1).unwrap().into(), body)
}

/// Exit code, standard output and standard error of `p2p-ci admin url`.
fn url(state: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    let command = command.args(["admin", "url"]).args(words).env("XDG_STATE_HOME", state);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn started(state: &Path, options: &[&str]) -> (Index, SocketAddr) {
    let arguments = [&["--listen", "127.0.0.1:0"], options].concat();
    let path = env!("CARGO_BIN_EXE_server");
    let program = Program::start_again(path, &arguments, state, Path::new("."));
    let line = program.line();
    let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    let admin = super::admin_address(&program);
    (Index { program, address }, admin)
}

#[test]
fn every_change_needs_the_token() {
    let state = tempfile::tempdir().unwrap();
    assert_eq!(url(state.path(), &[]).0, 69);
    let (index, admin) = started(state.path(), &["--admin", "127.0.0.1:0"]);
    let (code, printed, errors) = url(state.path(), &[]);
    assert_eq!((code, &*errors), (0, ""));
    let token = printed.trim().strip_prefix(&format!("http://{admin}/#token=")).unwrap();
    let wrong = token.chars().rev().collect::<String>();
    for (lines, code) in [
        (String::new(), "401"),
        (format!("X-P2P-CI-Token: {wrong}\r\n"), "401"),
        (format!("X-P2P-CI-Token: {}\r\n", token.get(1..).unwrap()), "401"),
        (format!("Authorization: Basic {token}\r\n"), "401"),
        (format!("Cookie: token={token}\r\n"), "401"),
        (format!("X-P2P-CI-Token: {token}\r\nOrigin: http://evil.example\r\n"), "403"),
        (format!("X-P2P-CI-Token: {token}\r\nSec-Fetch-Site: cross-site\r\n"), "403"),
        (format!("X-P2P-CI-Token: {token}\r\nX-Forwarded-For: 192.0.2.1\r\n"), "403"),
        (format!("X-P2P-CI-Token: {token}\r\nOrigin: http://localhost\r\n"), "404"),
        (format!("Authorization: Bearer {token}\r\n"), "404"),
    ] {
        assert_eq!(status(admin, &lines).0, code, "{lines}");
    }
    let right = format!("X-P2P-CI-Token: {token}\r\n");
    let mut events = Events::open(admin, &right);
    assert_eq!(events.next("hello")["may_change"], true);
    let mut talk = index.connect();
    talk.add(1, "T", "h", 7);
    let (_, body) = post(admin, "/page/kick", &right, "target=127.0.0.1");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["closed"], 1);
    assert_eq!(talk.rest(), b"");
    index.program.error_with(" closed connections of `127.0.0.1`: 1");
    post(admin, "/page/ban", &right, "network=192.0.2.0/24");
    index.program.error_with("an operator at 127.0.0.1:");
    events.state(|state| state["bans"] == serde_json::json!(["192.0.2.0/24"]));
    post(admin, "/page/unban", &right, "network=192.0.2.0/24");
    events.state(|state| state["bans"] == serde_json::json!([]));
}

#[test]
fn the_address_is_known_while_the_program_runs() {
    let state = tempfile::tempdir().unwrap();
    let (mut first, _) = started(state.path(), &["--admin", "127.0.0.1:0"]);
    let (mut second, admin) = started(state.path(), &["--admin", "127.0.0.1:0"]);
    assert_eq!(url(state.path(), &[]).1.lines().count(), 2);
    let (_, json, _) = url(state.path(), &["--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["urls"].as_array().unwrap().len(), 2);
    // One ends by a signal, and one has no chance to remove its file.
    first.program.signal("TERM");
    assert!(first.program.wait().success());
    assert!(url(state.path(), &[]).1.starts_with(&format!("http://{admin}/#token=")));
    second.program.signal("KILL");
    second.program.wait();
    let (code, _, errors) = url(state.path(), &[]);
    assert_eq!(code, 69);
    assert!(errors.contains("start it with `--admin 127.0.0.1:9734`"), "{errors}");
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("admin.sock");
    let socket = socket.to_str().unwrap();
    let options = ["--admin", "127.0.0.1:0", "--admin", socket];
    let (mut third, admin) = started(state.path(), &options);
    let named = url(state.path(), &["--socket", socket]).1;
    assert!(named.starts_with(&format!("http://{admin}/#token=")) && named.lines().count() == 1);
    third.program.signal("TERM");
    assert!(third.program.wait().success());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// Beyond loopback a page is read-only without a token of its own.
#[test]
fn a_token_file_permits_changes_beyond_loopback() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("token");
    let here = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let (_closed, admin) = started(state.path(), &["--admin", "0.0.0.0:0"]);
    let (_, printed, _) = url(state.path(), &[]);
    let token = printed.trim().split_once("#token=").unwrap().1;
    let (code, reason) = status(here(admin.port()), &format!("X-P2P-CI-Token: {token}\r\n"));
    assert_eq!((&*code, reason.contains("admin.token_file is set")), ("403", true));
    let options = ["--admin", "0.0.0.0:0", "--admin-token-file", path.to_str().unwrap()];
    let (_open, admin) = started(state.path(), &options);
    let token = fs::read_to_string(&path).unwrap();
    let lines = format!("X-P2P-CI-Token: {}\r\n", token.trim());
    assert_eq!(status(here(admin.port()), "").0, "401");
    assert_eq!(status(here(admin.port()), &lines).0, "404");
    let mut events = Events::open(here(admin.port()), "");
    let hello = events.next("hello");
    assert_eq!((&hello["may_change"], &hello["shows_addresses"]), (&false.into(), &false.into()));
    let hello = Events::open(here(admin.port()), &lines).next("hello");
    assert_eq!((&hello["may_change"], &hello["shows_addresses"]), (&true.into(), &true.into()));
}

#[cfg(unix)]
#[test]
fn a_token_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    fs::write(&path, "0".repeat(64)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let options =
        ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--admin-token-file", "token"];
    let mut program = Program::start(env!("CARGO_BIN_EXE_server"), &options, directory.path());
    assert_eq!(program.wait().code(), Some(1));
    program.error_with("other users can read it; expected mode 600");
}
