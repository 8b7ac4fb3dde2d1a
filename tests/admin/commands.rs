//! `p2p-ci admin`: connections, bans, and an orderly end.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use super::{exchange, get, sharing_peer};
use crate::common::{Index, PATIENCE, Talk};

/// An index server with a Unix socket for operators.
struct Operated {
    index: Index,
    directory: tempfile::TempDir,
}

fn operated() -> Operated {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("admin.sock");
    let index = Index::start(&["--admin", socket.to_str().unwrap()]);
    assert!(index.program.line().starts_with("admin at "));
    Operated { index, directory }
}

/// Exit code, standard output and standard error of a command.
fn admin(directory: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    let output = command.arg("admin").args(["--socket", "admin.sock"]).args(words);
    let output = output.current_dir(directory).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

impl Operated {
    fn admin(&self, words: &[&str]) -> (i32, String, String) {
        admin(self.directory.path(), words)
    }

    /// The object that a command prints.
    fn json(&self, words: &[&str]) -> Value {
        let (code, output, errors) = self.admin(&[&["--format", "json"], words].concat());
        assert_eq!((code, &*errors), (0, ""));
        serde_json::from_str(&output).unwrap()
    }
}

fn is_closed(talk: &mut Talk) -> bool {
    talk.rest().is_empty()
}

#[test]
fn connections_are_listed_and_closed() {
    let operated = operated();
    let (mut first, mut second) = (operated.index.connect(), operated.index.connect());
    first.add(1, "T", "h.example", 7);
    second.add(2, "U", "h2", 8);
    let (code, output, _) = operated.admin(&["peers"]);
    assert_eq!(code, 0);
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines[0].contains("address") && lines[0].ends_with("registers as"), "{output}");
    assert!(lines[1].ends_with("h.example:7") && lines[3] == "2 connections", "{output}");
    let peers = operated.json(&["peers"]);
    assert_eq!((&peers["v"], &peers["peers"][1]["records"]), (&1.into(), &1.into()));
    let number = peers["peers"][0]["number"].to_string();
    assert_eq!(operated.admin(&["kick", &number]).1, "closed 1 connection\n");
    assert!(is_closed(&mut first));
    let address = peers["peers"][1]["address"].as_str().unwrap();
    assert_eq!(operated.json(&["kick", address])["closed"], 1);
    assert!(is_closed(&mut second));
    let (code, _, errors) = operated.admin(&["kick", "127.0.0.1"]);
    assert_eq!((code, &*errors), (66, "p2p-ci admin: no connection is `127.0.0.1`\n"));
    let (code, _, errors) = operated.admin(&["kick", "nobody"]);
    assert_eq!(code, 2);
    assert!(errors.contains("found `nobody`"), "{errors}");
    let begun = Instant::now();
    while operated.json(&["stats"])["peers"] != 0 {
        assert!(begun.elapsed() < PATIENCE);
    }
    let stats = operated.json(&["stats"]);
    assert_eq!((&stats["program"], &stats["requests"]), (&"server".into(), &2.into()));
    assert!(operated.admin(&["stats"]).1.lines().any(|line| line.starts_with("resident ")));
}

#[test]
fn a_banned_network_cannot_connect() {
    let operated = operated();
    let mut talk = operated.index.connect();
    talk.add(1, "T", "h", 7);
    let (_, output, _) = operated.admin(&["ban", "127.0.0.9/24"]);
    assert_eq!(output, "127.0.0.0/24 banned; 1 connection closed\n");
    assert!(is_closed(&mut talk));
    operated.index.program.error_with(" banned 127.0.0.0/24; closed connections: 1");
    let refused = Talk::to(operated.index.address).rest();
    assert!(String::from_utf8(refused).unwrap().starts_with("P2P-CI/1.0 503 "));
    assert_eq!(operated.admin(&["bans"]).1, "127.0.0.0/24\n");
    assert_eq!(operated.json(&["ban", "127.0.0.0/24"])["new"], false);
    assert_eq!(operated.admin(&["unban", "127.0.0.1"]).0, 66);
    assert_eq!(operated.admin(&["unban", "127.0.0.0/24"]).1, "127.0.0.0/24 unbanned\n");
    operated.index.connect().add(1, "T", "h", 7);
    assert_eq!(operated.admin(&["bans"]).1, "no network is banned\n");
}

#[test]
fn a_drained_server_ends_with_its_last_connection() {
    let mut operated = operated();
    let mut talk = operated.index.connect();
    talk.add(1, "T", "h", 7);
    let (_, output, _) = operated.admin(&["drain", "--within", "10m"]);
    let expected =
        "new connections are refused; 1 connection left; the program ends with the last one";
    assert!(output.starts_with(expected) && output.ends_with(", or in 10 min 0 s\n"), "{output}");
    let refused = Talk::to(operated.index.address).rest();
    assert!(String::from_utf8(refused).unwrap().starts_with("P2P-CI/1.0 503 "));
    assert_eq!(operated.admin(&["drain"]).0, 1, "it is draining");
    assert_eq!(operated.json(&["stats"])["draining"], true);
    let path = operated.directory.path().join("admin.sock");
    let stream = std::os::unix::net::UnixStream::connect(path).unwrap();
    let (head, body) = exchange(stream, "GET /readyz HTTP/1.0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 503 ") && body.contains("about to end"), "{head} {body}");
    // Those that are here are still served.
    talk.add(2, "U", "h", 7);
    drop(talk);
    assert_eq!(operated.index.program.wait().code(), Some(0));
    operated.index.program.error_with("stopped by `p2p-ci admin drain` after ");
    let (code, _, errors) = operated.admin(&["stats"]);
    assert_eq!(code, 69);
    assert!(errors.contains("start it with `--admin PATH`"), "{errors}");
}

#[test]
fn a_command_that_fails_prints_its_error_as_an_object() {
    let mut operated = operated();
    for (words, expected) in [
        (&["kick", "999"][..], 66),
        (&["kick", "x"], 2),
        (&["ban", "192.0.2.0/33"], 2),
        (&["unban", "192.0.2.1"], 66),
    ] {
        check_failure(&operated, words, expected);
    }
    operated.index.program.signal("TERM");
    assert_eq!(operated.index.program.wait().code(), Some(0));
    check_failure(&operated, &["stats"], 69);
}

/// Checks that the object has the exit code and the line on standard error.
fn check_failure(operated: &Operated, words: &[&str], expected: i32) {
    let (code, output, errors) = operated.admin(&[&["--format", "json"], words].concat());
    assert_eq!(code, expected, "{words:?}: {errors}");
    let object: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&object["v"], &object["error"]["exit"]), (&1.into(), &code.into()), "{output}");
    let message = object["error"]["message"].as_str().unwrap();
    assert_eq!(errors, format!("p2p-ci admin: {message}\n"));
}

#[test]
fn a_drained_server_ends_after_its_time() {
    let mut operated = operated();
    let mut talk = operated.index.connect();
    talk.add(1, "T", "h", 7);
    assert_eq!(operated.admin(&["drain", "--within", "0s"]).0, 0);
    assert_eq!(operated.index.program.wait().code(), Some(0));
    assert!(is_closed(&mut talk));
}

#[test]
fn a_peer_can_be_drained_and_its_readers_banned() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let shared = directory.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::write(shared.join("rfc1.txt"), "one").unwrap();
    let socket = directory.path().join("admin.sock");
    let options = ["--upload", "127.0.0.1:0", "--share", ".", "--admin", socket.to_str().unwrap()];
    let mut peer =
        crate::common::peer(index.address, &[&options[..], &["share"]].concat(), &shared);
    let uploads = peer.line().strip_prefix("uploading from ").unwrap().parse().unwrap();
    assert!(peer.line().starts_with("admin at ") && peer.line().starts_with("registered "));
    let _reader = Talk::to(uploads);
    let begun = Instant::now();
    while !admin(directory.path(), &["peers"]).1.ends_with("1 connection\n") {
        assert!(begun.elapsed() < PATIENCE);
    }
    let (_, output, _) = admin(directory.path(), &["ban", "127.0.0.1"]);
    assert_eq!(output, "127.0.0.1/32 banned; 1 connection closed\n");
    assert_eq!(admin(directory.path(), &["drain"]).0, 0);
    assert_eq!(peer.wait().code(), Some(0));
}

/// Neither browsers nor other machines control a program.
#[test]
fn commands_are_for_the_unix_socket_only() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::start(&["--admin", "127.0.0.1:0"]);
    let server = super::admin_address(&index.program);
    let (_peer, peer, _) = sharing_peer(index.address, directory.path());
    for address in [server, peer] {
        for path in ["/admin/peers", "/admin/stats", "/admin/bans"] {
            assert!(get(address, path).0.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{path}");
        }
        for path in ["/admin/kick", "/admin/ban", "/admin/unban", "/admin/drain"] {
            let stream = std::net::TcpStream::connect(address).unwrap();
            let lines = "Host: localhost\r\nConnection: close\r\nContent-Length: 0";
            let (head, _) = exchange(stream, &format!("POST {path} HTTP/1.1\r\n{lines}\r\n\r\n"));
            assert!(head.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{path}");
        }
    }
    // As root this test can become another user.
    if !common_is_root() {
        return;
    }
    let operated = operated();
    let path = operated.directory.path().join("admin.sock");
    // Even if somebody has opened the socket to all.
    let open = |path: &Path, mode| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(&path, 0o666);
    open(operated.directory.path(), 0o755);
    let program = operated.directory.path().join("p2p-ci");
    // A program cannot be executed while a process has it open for writing, and a process that another test starts
    // meanwhile would inherit what this one has open.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_p2p-ci")).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--clear-groups"]).arg(&program);
    let output = command.args(["admin", "--socket"]).arg(&path).arg("stats").output();
    let Ok(output) = output else { return };
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("only the user of the program and root may"), "{errors}");
}

fn common_is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}
