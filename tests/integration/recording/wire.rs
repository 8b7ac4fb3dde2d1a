//! `--wire`: the exchange of real programs on standard error.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use super::check;
use crate::common::{Index, Program, Talk, peer, run_peer, skip};

const LIST: &str = "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";

/// The lines of standard error after the end of a program, with single blanks.
fn shown(program: &mut Program) -> Vec<String> {
    program.signal("TERM");
    program.wait();
    with_single_blanks(&program.errors().join("\n"))
}

fn with_single_blanks(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_download_is_shown_by_server_holder_and_client() {
    let root = tempfile::Builder::new().prefix("wi re").tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    fs::create_dir(&a).unwrap();
    fs::write(a.join("rfc90001.txt"), vec![b'x'; 300_000]).unwrap();
    let mut index = Index::start(&["--wire"]);
    let mut holder = peer(index.address, &["--share", "a", "--wire", "share"], root.path());
    while !holder.line().starts_with("registered ") {}
    let server = index.address.to_string();
    let arguments = [&server, "--share", b.to_str().unwrap(), "get", "90001", "--wire=explained"];
    let (code, output, errors) = run_peer(&arguments, "", root.path());
    assert_eq!(code, 0, "{errors}");
    assert!(!output.contains("C: "), "{output}");
    let of_client = with_single_blanks(&errors);
    check(
        &of_client,
        &[
            "sections of protocol.md",
            "→ index C: LOOKUP RFC 90001 P2P-CI/1.0 4.3 requests the records of RFC 90001",
            "→ index S: P2P-CI/1.0 200 OK 3.2 the reply to LOOKUP RFC 90001: found",
            "C: GET RFC 90001 P2P-CI/1.0 5.1 requests RFC 90001 from the upload server",
            "S: Content-Length: 300000 5.2 the number of bytes of the document",
            "5.3 300000 bytes of the document",
        ],
    );
    let of_holder = shown(&mut holder);
    check(
        &of_holder,
        &[
            "→ index C: ADD RFC 90001 P2P-CI/1.0",
            "→ index S: P2P-CI/1.0 200 OK",
            "→ peer -- C has connected",
            "→ peer C: GET RFC 90001 P2P-CI/1.0",
            "→ peer S: P2P-CI/1.0 200 OK",
            "→ peer S: … 300000 bytes of the document",
        ],
    );
    let of_server = shown(&mut index.program);
    check(
        &of_server,
        &["→ index C: ADD RFC 90001 P2P-CI/1.0", "→ index C: LOOKUP RFC 90001 P2P-CI/1.0"],
    );
    for lines in [of_client, of_holder, of_server] {
        assert!(lines.iter().all(|line| line.len() < 300), "{lines:#?}");
    }
}

#[test]
fn a_server_says_what_it_refuses_and_when_it_closes() {
    let index = Index::start(&["--wire", "--explain", "--log", "sessions"]);
    let ask = |request: &[u8]| {
        let mut talk = index.connect();
        talk.say(request);
        let reply = talk.reply();
        let reason = reply.get(1).cloned().unwrap_or_default();
        let reason = reason.strip_prefix("Reason: ").unwrap().to_string();
        index.program.error_with(&format!("Bad Request, {reason}"));
        (reason, talk)
    };
    let (reason, mut talk) = ask(b"GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert!(reason.contains("GET is sent to a peer's upload port"), "{reason}");
    assert!(!reason.contains("closed"), "{reason}");
    // The others end the connection.
    for _ in 0..8 {
        talk.say("LOKUP RFC 1 P2P-CI/1.0\r\n\r\n");
        assert!(!talk.reply()[1].contains("closed"));
    }
    talk.say("LOKUP RFC 1 P2P-CI/1.0\r\n\r\n");
    let last = talk.reply();
    assert!(
        last[1].contains("the connection is closed, because there were too many faults"),
        "{last:?}"
    );
    assert!(talk.is_closed());
    let (reason, mut talk) = ask(b"LIST ALL P2P-CI/1.0\n\rHost: h\n\r");
    assert!(reason.contains("this looks like `\\n\\r`"), "{reason}");
    assert!(
        reason.ends_with("the connection is closed, because the end of this request is unknown")
    );
    assert!(talk.is_closed());
    // A long reason is cut after a word.
    let (reason, _) = ask("\u{feff}LIST ALL P2P-CI/1.0\r\n".as_bytes());
    assert!(reason.contains(" without it…; the connection is closed"), "{reason}");
    let (reason, _) = ask(b"\x16\x03\x01\x02\x00\x01\x00\x01");
    assert!(reason.contains("this looks like TLS"), "{reason}");
}

#[test]
fn a_forgotten_empty_line_is_noticed_and_text_is_escaped() {
    let index = Index::start(&["--wire", "--log", "quiet"]);
    let mut talk = index.connect();
    talk.say("ADD RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: \u{202e}x\u{9b}\r\n");
    index.program.error_with("C: Title: \\u{202e}x\\x9b");
    let line = index.program.error_with("-- C has not ended its request");
    assert!(line.ends_with("an empty line ends it (protocol.md section 3.1)"), "{line}");
    talk.say("\r\n");
    index.program.error_with("S: P2P-CI/1.0 ");
}

/// A screen that nobody reads, such as a stopped terminal, delays no reply.
#[test]
fn nothing_waits_for_the_screen() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_server"))
        .args(["--listen", "127.0.0.1:0", "--wire", "--log", "quiet"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address: SocketAddr = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
    let mut talk = Talk::to(address);
    let title = "long ".repeat(80);
    for number in 1..=60 {
        talk.add(number, title.trim(), "h", 1);
    }
    talk.say(LIST);
    let reply = talk.reply().join("\r\n").len() + "\r\n\r\n".len();
    // More than the pipe, the queue, and a queue that is being printed can have (2 × 4 MiB).
    let (mut stream, mut buffer) = (talk.writer(), vec![0; reply]);
    for _ in 0..12_000_000 / reply {
        stream.write_all(LIST.as_bytes()).unwrap();
        stream.read_exact(&mut buffer).unwrap();
    }
    let mut screen = BufReader::new(server.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("bytes not shown: the exchange is faster") {
        seen.clear();
        assert_ne!(screen.read_line(&mut seen).unwrap(), 0);
    }
    // From the next request on, the exchange is shown again.
    talk.say(LIST);
    talk.reply();
    while !seen.contains("C: LIST ALL P2P-CI/1.0") {
        seen.clear();
        assert_ne!(screen.read_line(&mut seen).unwrap(), 0);
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_server_at_a_terminal_mentions_explanations() {
    let command = r#"exec "$SERVER" --listen 127.0.0.1:0"#;
    let started = Command::new("script")
        .args(["-qefc", command, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("SERVER", env!("CARGO_BIN_EXE_server"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut script) = started else { return skip("there is no `script` of util-linux") };
    let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
    let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let text = line.split_once("listening on ")?.1.trim().to_string();
        text.parse::<SocketAddr>().ok()
    });
    let Some(address) = address else { return skip("`script` of util-linux shows nothing") };
    let hint = lines.by_ref().map_while(Result::ok).find(|line| line.contains("`--explain`"));
    assert!(hint.unwrap().contains("--wire=explained"));
    let mut talk = Talk::to(address);
    talk.say("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\nLIST RFC P2P-CI/1.0\r\n\r\n");
    assert_eq!([talk.reply().len(), talk.reply().len()], [1, 1]);
    for part in
        ["404 Not Found, expected a document", "400 Bad Request, line 1: expected `LIST ALL"]
    {
        let line = lines.by_ref().map_while(Result::ok).find(|line| line.contains(part));
        assert!(line.unwrap().contains(", found "), "{part}");
    }
    script.kill().unwrap();
    script.wait().unwrap();
}
