//! Messages to the service manager, and sockets that it passes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

use super::{SERVER, is_served, server_by};
use crate::common::{Index, PATIENCE, Program, Talk, directory, uninterrupted};

/// What systemd is told: the server serves, works, reloads, and stops.
#[test]
fn the_service_manager_is_told_of_each_change() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut bytes = [0; 512];
        let count = uninterrupted(|| manager.recv(&mut bytes)).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    };
    let socket = format!("NOTIFY_SOCKET={}", path.display());
    let mut server = server_by("env", &[&socket, "WATCHDOG_USEC=600000"]);
    server.line();
    let (mut is_ready, mut alive) = (false, 0);
    while !is_ready || alive < 3 {
        match told().as_str() {
            "READY=1\nSTATUS=serving\n" => is_ready = true,
            "WATCHDOG=1\n" => alive += 1,
            other => panic!("{other:?}"),
        }
    }
    let next = || loop {
        let change = told();
        if change != "WATCHDOG=1\n" {
            return change;
        }
    };
    // With a controlling terminal SIGHUP ends the server.
    if fs::File::open("/dev/tty").is_err() {
        server.signal("HUP");
        assert!(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert_eq!(next(), "READY=1\nSTATUS=serving\n");
    }
    server.signal("TERM");
    assert_eq!(next(), "STOPPING=1\n");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_peer_shares_after_a_reload_as_well() {
    let (index, root) = (Index::start(&[]), tempfile::tempdir().unwrap());
    let path = root.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let is_told = |expected: &str| {
        let mut bytes = [0; 512];
        let count = uninterrupted(|| manager.recv(&mut bytes)).unwrap();
        assert!(bytes[..count].starts_with(expected.as_bytes()), "{expected}: {bytes:?}");
    };
    let share = directory(root.path(), "share", &[("rfc1.txt", b"one")]);
    let socket = format!("NOTIFY_SOCKET={}", path.display());
    let address = index.address.to_string();
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "share"];
    let arguments = [&[&*socket, env!("CARGO_BIN_EXE_peer"), &address], &arguments[..]].concat();
    let mut peer = Program::start("env", &arguments, &share);
    is_told("READY=1\nSTATUS=sharing\n");
    // With a controlling terminal SIGHUP ends the peer.
    if fs::File::open("/dev/tty").is_err() {
        peer.signal("HUP");
        is_told("RELOADING=1\n");
        is_told("READY=1\nSTATUS=sharing\n");
    }
    peer.signal("TERM");
    is_told("STOPPING=1\n");
    assert_eq!(peer.wait().code(), Some(0));
}

/// A manager that does not read keeps no peer waiting, and the end neither.
#[test]
fn a_service_manager_that_does_not_read_delays_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let _manager = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"X=1\n", &path).is_ok() {}
    let socket = format!("NOTIFY_SOCKET={}", path.display());
    let mut server = server_by("env", &[&socket, "WATCHDOG_USEC=20000"]);
    assert!(is_served(&server.line()));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

/// A server with a listening socket that this process passes, as systemd does.
fn with_socket(listener: &TcpListener) -> Child {
    let start = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" --log quiet";
    let mut server = Command::new("sh")
        .args(["-c", start, SERVER])
        .stdin(OwnedFd::from(listener.try_clone().unwrap()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, format!("listening on {}\n", listener.local_addr().unwrap()));
    server
}

/// Peers that connect while a server with a passed socket restarts are served by the next one.
#[test]
fn no_connection_is_refused_while_a_server_with_a_passed_socket_restarts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = with_socket(&listener);
    let mut peer = Talk::to(address);
    peer.add(1, "T", "h", 1);
    let ended = Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(ended.success() && server.wait().unwrap().success());

    let mut waiting: Vec<Talk> = (0..100).map(|_| Talk::to(address)).collect();
    let mut server = with_socket(&listener);
    for (number, peer) in (1..).zip(&mut waiting) {
        peer.add(number, "T", "h", number.try_into().unwrap());
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_passed_file_that_is_no_socket_is_an_error() {
    let start = "exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\"";
    let failed = Command::new("sh").args(["-c", start, SERVER]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    let message = String::from_utf8(failed.stderr).unwrap();
    assert!(
        message.contains("cannot use the sockets that the service manager has passed"),
        "{message}"
    );
}
