//! Whether a program works, and whether it can serve others.

use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Instant;

use super::{admin_address, exchange, get, index, sharing_peer};
use crate::common::{Index, PATIENCE, Program};

fn status(address: std::net::SocketAddr, path: &str) -> String {
    get(address, path).0.lines().next().unwrap().to_string()
}

#[test]
fn an_index_server_is_healthy_and_ready() {
    let (_index, admin) = index();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(status(admin, path), "HTTP/1.1 200 OK", "{path}");
    }
    assert_eq!(status(admin, "/nothing"), "HTTP/1.1 404 Not Found");
}

#[test]
fn a_peer_is_ready_while_it_is_registered() {
    let directory = tempfile::tempdir().unwrap();
    let (index, _) = index();
    let (peer, admin, _) = sharing_peer(index.address, directory.path());
    assert!(peer.line().starts_with("registered 1 document with "));
    let wait_for = |expected: &str| {
        let begun = Instant::now();
        while status(admin, "/readyz") != expected {
            assert!(begun.elapsed() < PATIENCE);
        }
    };
    wait_for("HTTP/1.1 200 OK");
    assert_eq!(get(admin, "/readyz").1, "ready\n");
    drop(index);
    wait_for("HTTP/1.1 503 Service Unavailable");
    assert!(get(admin, "/readyz").1.starts_with("not ready: "));
    assert_eq!(status(admin, "/healthz"), "HTTP/1.1 200 OK");
}

#[test]
fn a_unix_socket_and_an_address_show_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("admin.sock");
    let path = socket.to_str().unwrap();
    let mut index = Index::start(&["--admin", path, "--admin", "127.0.0.1:0"]);
    assert_eq!(index.program.line(), format!("admin at {path}"));
    let address = admin_address(&index.program);
    let stream = UnixStream::connect(&socket).unwrap();
    let request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(stream, request).1, get(address, "/healthz").1);
    index.program.signal("TERM");
    assert_eq!(index.program.wait().code(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn an_address_in_use_and_a_wrong_one_are_reported() {
    let (_index, admin) = index();
    let start = |value: &str| {
        let arguments = ["--listen", "127.0.0.1:0", "--admin", value];
        let directory = std::path::Path::new(".");
        let mut program = Program::start(env!("CARGO_BIN_EXE_server"), &arguments, directory);
        let code = program.wait().code();
        (code, program.rest(), program.errors().join("\n"))
    };
    let (code, output, errors) = start(&admin.to_string());
    assert_eq!((code, output), (Some(1), Vec::new()));
    assert!(errors.contains("cannot show metrics and health: cannot listen on"), "{errors}");
    assert!(errors.contains("choose another port with `--admin ADDR:PORT`"), "{errors}");
    let root = tempfile::tempdir().unwrap();
    let (taken, file) = (root.path().join("taken"), root.path().join("file"));
    let _listener = UnixListener::bind(&taken).unwrap();
    std::fs::write(&file, "text").unwrap();
    for (path, found) in
        [(&taken, "another program listens there"), (&file, "the file is no socket")]
    {
        let (code, output, errors) = start(path.to_str().unwrap());
        assert_eq!((code, output), (Some(1), Vec::new()));
        assert!(errors.contains(found) && errors.contains("`--admin PATH`"), "{errors}");
    }
    let (code, _, errors) = start("localhost:1");
    assert_eq!(code, Some(2));
    assert!(errors.contains("such as `127.0.0.1:9734`"), "{errors}");
}
