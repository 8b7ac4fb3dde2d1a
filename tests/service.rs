//! Programs that receive signals, and programs on a machine with low limits.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use common::{Index, PATIENCE, Program, Talk};

const SERVER: &str = env!("CARGO_BIN_EXE_server");
const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// Whether this machine has a program.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    let has = found.is_ok_and(|status| status.success());
    if !has {
        common::skip(&format!("there is no `{program}`"));
    }
    has
}

/// The log in each form: a line at the start with the version, the address and the limits, and one for each
/// refused request.
#[test]
fn the_log_has_the_form_that_its_reader_needs() {
    let log = |arguments: &[&str]| {
        let mut index = Index::start(arguments);
        let mut talk = index.connect();
        talk.say("nonsense\r\n\r\n");
        talk.reply();
        index.program.signal("TERM");
        index.program.wait();
        (index.address, index.program.errors())
    };
    let (address, text) = log(&[]);
    let start = format!("server {} at {address}: at most ", env!("CARGO_PKG_VERSION"));
    let levels: Vec<(&str, &str)> = text
        .iter()
        .map(|line| {
            let (time, rest) = line.split_once(' ').unwrap();
            assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{line}");
            rest.split_once(": ").unwrap()
        })
        .collect();
    assert!(
        levels.iter().any(|(level, rest)| *level == "info" && rest.contains(&start)),
        "{text:#?}"
    );
    let refused = |line: &str| line.contains(": 400 Bad Request, ");
    assert_eq!(levels.iter().filter(|(level, rest)| *level == "warn" && refused(rest)).count(), 1);

    let (_, json) = log(&["--log-format", "json"]);
    let objects: Vec<serde_json::Value> =
        json.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    for (level, target, part) in [
        ("info", "sessions", ": at most "),
        ("warn", "faults", ": 400 Bad Request, "),
        ("info", "sessions", "stopped by SIGTERM after "),
    ] {
        let is_it = |object: &&serde_json::Value| {
            object["v"] == 1
                && object["level"] == level
                && object["target"] == target
                && object["message"].as_str().is_some_and(|message| message.contains(part))
                && object["time"].as_str().is_some()
        };
        assert_eq!(objects.iter().filter(is_it).count(), 1, "{part}: {json:#?}");
    }
}

/// A server that another program starts, which stays the same process.
fn server_by(program: &str, arguments: &[&str]) -> Program {
    let arguments = [arguments, &[SERVER, "--listen", "127.0.0.1:0"]].concat();
    Program::start(program, &arguments, Path::new("."))
}

fn is_served(listening: &str) -> bool {
    let address = listening.strip_prefix("listening on ").unwrap().parse().unwrap();
    let mut talk = Talk::to(address);
    talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
    talk.reply() == ["P2P-CI/1.0 200 OK", ""]
}

#[test]
fn sigterm_logs_the_cause_the_uptime_and_the_totals() {
    let mut index = Index::start(&[]);
    let mut talk = index.connect();
    talk.add(1, "T", "h", 1);
    talk.say("nonsense\r\n\r\n");
    talk.reply();
    index.program.signal("TERM");
    assert_eq!(index.program.wait().code(), Some(0));
    let errors = index.program.errors();
    let has = |part: &str| errors.iter().any(|line| line.contains(part));
    let is_stopping = |line: &String| {
        let uptime = line.split_once("SIGTERM after ")?.1.strip_suffix(" s: stopping")?;
        uptime.parse::<u64>().ok()
    };
    assert!(errors.iter().any(|line| is_stopping(line).is_some()), "{errors:#?}");
    assert!(
        has("stopped by SIGTERM after ") && has(": 1 connection, 1 request, 1 fault"),
        "{errors:#?}"
    );

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rfc1.txt"), "one").unwrap();
    let index = Index::start(&[]);
    let (mut peer, port) = common::share(index.address, folder.path());
    let mut talk = Talk::to(([127, 0, 0, 1], port).into());
    talk.say("GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert!(String::from_utf8(talk.rest()).unwrap().ends_with("\r\n\r\none"));
    peer.signal("TERM");
    assert_eq!(peer.wait().code(), Some(0));
    let errors = peer.errors();
    let has = |part: &str| errors.iter().any(|line| line.contains(part));
    assert!(has("SIGTERM after ") && has(": 1 upload, 3 bytes"), "{errors:#?}");
}

#[test]
fn without_a_terminal_a_hang_up_reloads_a_service() {
    if !has("setsid") {
        return;
    }
    let mut server = server_by("setsid", &[]);
    let listening = server.line();
    server.signal("HUP");
    server.error_with("SIGHUP: the configuration was read again");
    assert!(is_served(&listening));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));

    let folder = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let arguments = [PEER, &address, "--share", ".", "--upload", "127.0.0.1:0", "share"];
    let mut peer = Program::start("setsid", &arguments, folder.path());
    peer.line();
    peer.line();
    peer.signal("HUP");
    peer.error_with("SIGHUP: the configuration was read again");
    peer.signal("INT");
    assert_eq!(peer.wait().code(), Some(0));
}

/// Writes the configuration of a service, and asks it to read that again.
fn reload(program: &Program, file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    program.signal("HUP");
}

#[test]
fn a_reload_changes_limits_lists_and_the_log_and_names_what_needs_a_restart() {
    if !has("setsid") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.toml");
    fs::write(&file, "max_connections = 5\n").unwrap();
    let arguments = [
        SERVER,
        "--config",
        file.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--log",
        "sessions",
    ];
    let mut server = Program::start("setsid", &arguments, Path::new("."));
    let listening = server.line();
    let address = listening.strip_prefix("listening on ").unwrap().parse().unwrap();
    assert!(is_served(&listening));
    let mut open = Talk::to(address);
    open.add(1, "T", "127.0.0.1", 1);

    reload(
        &server,
        &file,
        "max_connections = 7\ndeny = [\"127.0.0.0/8\"]\nexplain = true\nlog = \"quiet\"\n",
    );
    let line = server.error_with("SIGHUP: the configuration was read again");
    assert!(line.contains("max_connections = 7 (was 5)"), "{line}");
    assert!(line.contains("deny = [\"127.0.0.0/8\"] (was [])"), "{line}");
    assert!(!line.contains("log ="), "an option has priority: {line}");
    server.error_with("only a restart changes explain = true (was false)");
    server.error_with("closed connections of addresses that may not connect any more: 1");
    assert_eq!(open.line(), None);
    let mut refused = Talk::to(address);
    refused.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
    assert_eq!(refused.line().as_deref(), Some("P2P-CI/1.0 503 Service Unavailable"));

    // A mistake changes nothing.
    reload(&server, &file, "max_connections = 9\nmax_conections = 5\n");
    let line = server.error_with("SIGHUP: the configuration stays as it is");
    let expected = format!("{}:2: unknown key `max_conections`", file.display());
    assert!(line.contains(&expected) && line.contains("error"), "{line}");
    assert_eq!(
        {
            let mut refused = Talk::to(address);
            refused.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
            refused.line()
        }
        .as_deref(),
        Some("P2P-CI/1.0 503 Service Unavailable")
    );

    reload(&server, &file, "max_connections = 7\nexplain = true\n");
    server.error_with("deny = [] (was [\"127.0.0.0/8\"])");
    assert!(is_served(&listening));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_reload_changes_the_rates_of_a_peer() {
    if !has("setsid") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (file, document) = (root.path().join("peer.toml"), vec![7; 400_000]);
    let shared = common::folder(root.path(), "shared", &[("a.bin", &document)]);
    // At this rate the document takes more than a minute.
    let slow = "[[upload.limit]]\nnetwork = \"127.0.0.0/8\"\nrate = 4096\n";
    fs::write(&file, slow).unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let arguments = [
        PEER,
        &address,
        "--config",
        file.to_str().unwrap(),
        "--share",
        shared.to_str().unwrap(),
        "--upload",
        "127.0.0.1:0",
        "share",
    ];
    let mut peer = Program::start("setsid", &arguments, root.path());
    let port = peer.line().rsplit_once(':').unwrap().1.parse().unwrap();
    peer.line();
    let mut talk = Talk::to(([127, 0, 0, 1], port).into());
    talk.say("GET FILE a.bin P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert_eq!(talk.line().as_deref(), Some("P2P-CI/1.0 200 OK"));
    let begun = Instant::now();
    reload(&peer, &file, "upload_slots = 3\n");
    let line = peer.error_with("SIGHUP: the configuration was read again");
    assert!(line.contains("upload_slots = 3 (was 16)"), "{line}");
    assert!(line.contains("upload.limit = [] (was [{ network = "), "{line}");
    assert!(talk.rest().len() > document.len());
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    peer.signal("TERM");
    assert_eq!(peer.wait().code(), Some(0));
}

#[test]
fn signals_that_were_ignored_at_the_start_stay_ignored() {
    if !has("setsid") || !has("nohup") {
        return;
    }
    // As a script's `&` leaves them, and as `nohup` does; in a session without a terminal, in which
    // SIGHUP would be a reload.
    let script = r#"trap "" INT QUIT; exec setsid nohup "$@""#;
    let mut server = server_by("sh", &["-c", script, "sh"]);
    let listening = server.line();
    for signal in ["HUP", "INT", "QUIT"] {
        server.signal(signal);
    }
    assert!(is_served(&listening));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let errors = server.errors();
    assert!(!errors.iter().any(|line| line.contains("SIGHUP")), "{errors:#?}");
    assert!(errors.iter().any(|line| line.contains("SIGTERM")), "{errors:#?}");

    // A command that runs for a moment: the shell of a script.
    let folder = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let script = r#"trap "" INT HUP QUIT; exec "$@""#;
    let arguments = ["-c", script, "sh", PEER, &address, "--share", "."];
    let mut shell = Program::start("sh", &arguments, folder.path());
    shell.line();
    shell.line();
    for signal in ["HUP", "INT", "QUIT"] {
        shell.signal(signal);
    }
    shell.type_line("list");
    assert_eq!(shell.line(), "P2P-CI/1.0 200 OK");
    assert_eq!(shell.end_input().code(), Some(0));
}

#[test]
fn with_a_controlling_terminal_a_hang_up_ends_the_server_in_order() {
    if !has("script") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    // The terminal is closed when `script` is killed.
    let command = r#"exec "$SERVER" --listen 127.0.0.1:0 --log sessions 2>"$LOG""#;
    let mut script = Command::new("script")
        .args(["-qefc", command, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("SERVER", SERVER)
        .env("LOG", &log)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = script.stdout.take().unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\n") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut output, &mut byte).unwrap();
        seen.push(byte[0]);
    }
    script.kill().unwrap();
    script.wait().unwrap();
    let begun = Instant::now();
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    while !logged().contains("stopped by SIGHUP after ") {
        assert!(begun.elapsed() < PATIENCE, "{}", logged());
        thread::yield_now();
    }
    assert!(logged().contains("SIGHUP after "), "{}", logged());
}

#[test]
fn a_server_with_few_descriptors_reports_it_and_serves() {
    let script = r#"ulimit -n 64; exec "$@""#;
    let server = server_by("sh", &["-c", script, "sh"]);
    let listening = server.line();
    server.error_with("no more than 40 connections can be served: open files (ulimit -n) = 64");
    assert!(is_served(&listening));

    let script = r#"ulimit -n 20; exec "$@""#;
    let mut server = server_by("sh", &["-c", script, "sh"]);
    server.error_with("cannot serve a single connection: open files (ulimit -n) = 20");
    assert_eq!(server.wait().code(), Some(1));
}

/// More memory than the system gives ended in an abort, when the index was full.
#[cfg(target_os = "linux")]
#[test]
fn a_memory_limit_above_that_of_the_system_is_warned_of() {
    for (size, is_much) in [("900M", true), ("400M", false)] {
        let script = r#"ulimit -v 1000000; exec "$@""#;
        let server = [env!("CARGO_BIN_EXE_server"), "--listen", "127.0.0.1:0"];
        let arguments = [&["-c", script, "sh"], &server[..], &["--max-memory", size]].concat();
        let mut server = Program::start("sh", &arguments, Path::new("."));
        server.line();
        server.signal("TERM");
        server.wait();
        let errors = server.errors().join("\n");
        let warns = errors.contains("is more than the process may take: address space (ulimit -v)");
        assert_eq!(warns, is_much, "{size}: {errors}");
    }
}

/// What systemd is told: the server serves, works, reloads, and stops.
#[test]
fn the_service_manager_is_told_of_each_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut bytes = [0; 512];
        let count = manager.recv(&mut bytes).unwrap();
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

/// A manager that does not read keeps no peer waiting, and the end neither.
#[test]
fn a_service_manager_that_does_not_read_delays_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
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
