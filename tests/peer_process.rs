//! The peer as a program: sessions, single commands, downloads, and what scripts see of them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use common::{Index, PATIENCE, Talk, peer, run_peer, run_peer_again, share};

/// A folder for each of several peers, and one document in the first.
fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    fs::create_dir(&a).unwrap();
    fs::create_dir(&b).unwrap();
    let page =
        "Network Working Group    J. Doe\nRequest for Comments: 90001\n\n   A Title\n\nText\n";
    fs::write(a.join("rfc90001.txt"), page).unwrap();
    fs::write(a.join("lecture 01.md"), "# One\n").unwrap();
    (root, a, b)
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// An address where nobody listens.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_script_is_a_session() {
    let (_root, a, b) = folders();
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    let mut session = peer(index.address, &["--share", "."], &b);
    assert!(session.line().starts_with("uploading from [::]:"));
    assert_eq!(session.line(), format!("registered 0 documents with {}", index.address));

    session.type_line("# a comment, and an empty line");
    session.type_line("");
    session.type_line("lookup 90001");
    let record = format!("RFC 90001 A Title localhost {port}");
    for line in ["P2P-CI/1.0 200 OK", "", &record, ""] {
        assert_eq!(session.line(), line);
    }
    session.type_line("get 90001");
    let length = fs::metadata(a.join("rfc90001.txt")).unwrap().len();
    assert_eq!(
        session.line(),
        format!(
            "RFC 90001: {length} bytes from localhost:{port}, sha-256 checked (as announced by its holder), new, saved as ./rfc90001.txt"
        )
    );
    assert_eq!(
        fs::read(b.join("rfc90001.txt")).unwrap(),
        fs::read(a.join("rfc90001.txt")).unwrap()
    );
    assert_eq!(index.list().len(), 2, "it is shared on");

    session.type_line("get 90001");
    assert_eq!(session.line(), "RFC 90001 is here already: ./rfc90001.txt");
    session.type_line("get \"lecture 01.md\"");
    assert!(session.line().starts_with("FILE lecture%2001.md: 6 bytes from"));
    session.type_line("docs");
    assert_eq!(session.line(), "RFC 90001 A Title");
    assert_eq!(session.line(), "FILE lecture%2001.md lecture 01.md");
    session.type_line("add \"../a/lecture 01.md\" --title 'Lecture One'");
    session.line();
    session.line();
    assert!(session.line().starts_with("FILE lecture%2001.md Lecture One localhost "));
    session.line();
    session.type_line("remove 90001");
    assert_eq!(session.line(), "P2P-CI/1.0 200 OK");
    assert_eq!(index.list(), [record]);
    assert!(b.join("rfc90001.txt").exists(), "removing withdraws and does not delete");
    assert_eq!(session.end_input().code(), Some(0));
    index.wait_for_records(1);
}

#[test]
fn a_script_goes_on_behind_a_failure_and_its_code_is_that_of_the_first() {
    let (_root, _, b) = folders();
    let index = Index::start(&[]);
    let script =
        "lookup 5\nfrobnicate\nlookup 0\nget 5\nadd missing\n\"unclosed\nlist\nquit\nlist\n";
    let (code, output, errors) = run_peer(&[&index.address.to_string()], script, &b);
    assert_eq!(code, 66);
    let replies: Vec<&str> = output.lines().skip(2).collect();
    assert_eq!(replies, ["P2P-CI/1.0 404 Not Found", "", "P2P-CI/1.0 200 OK", "", ""]);
    for part in [
        "unrecognized subcommand 'frobnicate'",
        "expected an RFC number from 1 to 999999999",
        "no peer has RFC 5",
        "cannot share `missing`",
        "expected a closing quote",
    ] {
        assert!(errors.contains(part), "{part:?} in {errors}");
    }
}

#[test]
fn exit_codes() {
    let (root, a, b) = folders();
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let index = index.address.to_string();
    fs::write(root.path().join("file"), "no folder").unwrap();
    let closed = nowhere();
    for (code, arguments) in [
        (0, &[&*index, "list"] as &[&str]),
        (0, &[&index, "lookup", "90001"]),
        (0, &[&index, "get", "90001"]),
        (0, &["--help"]),
        (2, &[&index, "--no-such-flag"]),
        (2, &[&index, "lookup", "0"]),
        (2, &["host:99999", "list"]),
        (2, &[&index, "get", "../x"]),
        (66, &[&index, "lookup", "4711"]),
        (66, &[&index, "get", "4711"]),
        (2, &[&index, "remove", "90001"]),
        (66, &[&index, "add", "4711"]),
        (69, &[&closed, "list"]),
        (69, &[&closed]),
        (69, &[&index, "get", "4711", "--from", &closed]),
        (74, &[&index, "get", "90001", "--out", "no/such/folder"]),
        (74, &[&index, "--share", "../file", "docs"]),
        (74, &[&index, "--share", "../file"]),
    ] {
        let (found, _, errors) = run_peer(arguments, "", &b);
        assert_eq!(found, code, "peer {arguments:?}: {errors}");
    }
}

#[test]
fn a_single_command_announces_nothing() {
    let (_root, a, b) = folders();
    let index = Index::start(&["--log", "requests"]);
    let (_a, port) = share(index.address, &a);
    let address = index.address.to_string();
    let (code, output, _) = run_peer(&[&address, "get", "90001"], "", &b);
    assert!(code == 0 && output.contains("saved as rfc/rfc90001.txt"), "{output}");
    assert_eq!(index.list().len(), 1, "the downloaded copy is not registered");

    let (_, output, errors) = run_peer(&[&address, "get", "90001", "--out", "-"], "", &b);
    assert_eq!(output, fs::read_to_string(a.join("rfc90001.txt")).unwrap());
    assert_eq!(errors, "");

    let from = format!("localhost:{port}");
    let arguments = [&address, "get", "90001", "--from", &from, "--out", "copy"];
    assert_eq!(run_peer(&arguments, "", &b).0, 0);
    let (code, _, errors) = run_peer(&arguments, "", &b);
    assert!(code == 74 && errors.contains("not overwritten without --force"), "{errors}");
    fs::write(b.join("copy"), "old").unwrap();
    assert_eq!(run_peer(&[&arguments[..], &["--force"]].concat(), "", &b).0, 0);
    assert_eq!(fs::read(b.join("copy")).unwrap(), fs::read(a.join("rfc90001.txt")).unwrap());
}

#[test]
fn an_existing_document_is_found_without_the_index() {
    let (_root, a, _) = folders();
    let arguments = [&nowhere(), "--share", ".", "get", "90001"];
    let (code, output, errors) = run_peer(&arguments.map(|a| a as &str), "", &a);
    assert_eq!((code, &*errors), (0, ""));
    assert_eq!(output, "RFC 90001 is here already: ./rfc90001.txt\n");
}

#[test]
fn replies_as_they_came_as_a_table_and_as_json() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    talk.add(7, "A \u{202e}Title", "h", 1);
    talk.say("ADD FILE a%20b P2P-CI/1.0\r\nHost: h\r\nPort: 2\r\nTitle: \r\n\r\n");
    talk.reply();
    let address = index.address.to_string();
    let run = |arguments: &[&str]| {
        run_peer(&[&[address.as_str()], arguments].concat(), "", Path::new(".")).1
    };
    assert_eq!(run(&["list"]), "P2P-CI/1.0 200 OK\n\nRFC 7 A \\u{202e}Title h 1\n\n");
    assert_eq!(
        run(&["--format", "table", "list"]),
        " document  title            host  port\n RFC 7     A \\u{202e}Title  h     1\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&run(&["list", "--format", "json"])).unwrap();
    let expected = serde_json::json!(
        {"v": 1, "rfc": 7, "title": "A \u{202e}Title", "host": "h", "port": 1}
    );
    assert_eq!(json, expected);
    assert_eq!(
        run(&["list", "--files", "--format", "json"]),
        "{\"file\":\"a b\",\"host\":\"h\",\"port\":2,\"title\":\"\",\"v\":1}\n"
    );
    assert_eq!(
        run(&["lookup", "8", "--format", "json"]),
        "{\"error\":{\"exit\":66,\"message\":\"the index refused: 404 Not Found\"},\
         \"phrase\":\"Not Found\",\"status\":404,\"v\":1}\n"
    );
    assert_eq!(run(&["lookup", "8", "--format", "table"]), "404 Not Found\n");
}

#[test]
fn searching_and_looking_at_peers() {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    talk.add(7, "A Tree", "h", 1);
    talk.add(8, "A House", "h", 1);
    talk.add(8, "A House", "other", 2);
    talk.say("ADD FILE house.md P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: My House\r\n\r\n");
    talk.reply();
    let address = index.address.to_string();
    let run = |arguments: &[&str]| {
        run_peer(&[&[address.as_str()], arguments].concat(), "", Path::new(".")).1
    };
    assert_eq!(
        run(&["search", "house", "--limit", "1"]),
        "P2P-CI/1.0 200 OK\n\nRFC 8 A House other 2\n\n"
    );
    assert_eq!(
        run(&["--format", "json", "search", "my", "HOUSE"]),
        "{\"file\":\"house.md\",\"host\":\"h\",\"port\":1,\"title\":\"My House\",\"v\":1}\n"
    );
    assert_eq!(run(&["browse", "other:2"]), "RFC 8 A House other 2\n");
    assert_eq!(run(&["peers"]), "h:1 3\nother:2 1\n");
    let (code, _, errors) = run_peer(&[&address, "browse", "nobody:1"], "", Path::new("."));
    assert!(code == 66 && errors.contains("lists no document of nobody:1"), "{errors}");
}

#[test]
fn the_next_holder_is_asked_when_one_fails() {
    let (root, a, b) = folders();
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    // The one that has it is known to be far away, and asked last: of two that are as near, the one that
    // happens to answer a millisecond sooner is asked first.
    let state = root.path().join("state");
    fs::create_dir_all(state.join("p2p-ci")).unwrap();
    let known = format!("p2p-ci neighbours 1\nlocalhost:{port} 900000 0\n");
    fs::write(state.join("p2p-ci/neighbours"), known).unwrap();
    // One holder that is gone, one that has another document.
    let (_b, empty) = share(index.address, &b);
    let mut talk = index.connect();
    talk.add(90001, "A Title", "localhost", empty);
    let closed = nowhere();
    let closed: u16 = closed.rsplit_once(':').unwrap().1.parse().unwrap();
    talk.add(90001, "A Title", "localhost", closed);
    let address = index.address.to_string();
    let (code, output, errors) = run_peer_again(&[&address, "get", "90001"], &state, &b);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains(&format!("from localhost:{port}")), "{output}");
    assert!(errors.contains(&format!("localhost:{closed}: cannot reach it")), "{errors}");
    assert!(errors.contains(&format!("localhost:{empty}: it answered 404 Not Found")), "{errors}");
}

#[test]
fn share_serves_until_it_is_told_to_stop() {
    for signal in ["INT", "TERM"] {
        let (_root, a, _) = folders();
        let index = Index::start(&[]);
        let (mut program, port) = share(index.address, &a);
        let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
        talk.say("GET RFC 90001 P2P-CI/1.0\nHost: h\n\n");
        assert!(talk.rest().ends_with(b"\n\nText\n"));
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(0));
        index.wait_for_records(0);
    }
}

#[test]
fn a_peer_outlives_its_index_and_comes_back() {
    let (_root, a, _) = folders();
    let index = Index::start(&[]);
    let address = index.address;
    let (program, port) = share(address, &a);
    drop(index);
    program.error_with("lost the index");

    let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
    talk.say("GET RFC 90001 P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert!(talk.line().unwrap().contains("200 OK"), "uploads go on");

    let listen = address.to_string();
    let index = common::Program::start(
        env!("CARGO_BIN_EXE_server"),
        &["--listen", &listen],
        Path::new("."),
    );
    assert_eq!(index.line(), format!("listening on {listen}"));
    program.error_with(&format!("registered 2 documents with {address}"));
}

#[test]
fn a_session_without_an_index_says_so_once_it_is_asked() {
    let (_root, a, _) = folders();
    let index = Index::start(&[]);
    let mut session = peer(index.address, &["--share", "."], &a);
    session.line();
    session.line();
    drop(index);
    session.error_with("lost the index");
    session.type_line("list");
    session.error_with("peer: ");
    session.type_line("docs");
    assert_eq!(session.line(), "RFC 90001 A Title");
    assert_eq!(session.end_input().code(), Some(69));
}

#[test]
fn a_reader_that_closes_its_pipe_ends_the_peer_quietly() {
    use std::process::{Command, Stdio};

    let index = Index::start(&[]);
    let mut talk = index.connect();
    for number in 1..=2000 {
        talk.add(number, &"x".repeat(200), "h", 1);
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_peer"))
        .args([&index.address.to_string(), "list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_killed_download_leaves_no_final_name_and_a_signalled_one_nothing() {
    let (_root, _, b) = folders();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let from = holder.local_addr().unwrap().to_string();
    for (signal, leaves_nothing) in [("TERM", true), ("KILL", false)] {
        let arguments = ["--share", ".", "get", "7", "--from", &from];
        let mut program = peer(holder.local_addr().unwrap(), &arguments, &b);
        let (mut stream, _) = holder.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = "P2P-CI/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n";
        std::io::Write::write_all(&mut stream, format!("{head}{}", "x".repeat(100_000)).as_bytes())
            .unwrap();
        while !files(&b).iter().any(|name| name.ends_with(".part")) {
            std::thread::yield_now();
        }
        program.signal(signal);
        program.wait();
        assert!(!b.join("rfc7.txt").exists());
        assert!(!leaves_nothing || files(&b).is_empty(), "{:?}", files(&b));
    }
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_folder_is_served() {
    use std::os::unix::fs::symlink;

    let (root, a, _) = folders();
    fs::write(root.path().join("secret"), "secret").unwrap();
    fs::write(a.join("rfc8.txt"), "eight").unwrap();
    fs::write(a.join("rfc9.txt"), "nine").unwrap();
    let index = Index::start(&[]);
    let (_program, port) = share(index.address, &a);
    // Swapped behind the peer's back: a link out of the folder, and a FIFO nobody writes to.
    fs::remove_file(a.join("rfc8.txt")).unwrap();
    symlink(root.path().join("secret"), a.join("rfc8.txt")).unwrap();
    fs::remove_file(a.join("rfc9.txt")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(a.join("rfc9.txt")).status().unwrap();
    assert!(made.success());
    for (target, status) in [
        ("RFC 8", "404"),
        ("RFC 9", "404"),
        ("FILE secret", "404"),
        ("FILE ../secret", "400"),
        ("FILE %2e%2e%2fsecret", "400"),
        ("FILE /etc/passwd", "400"),
        ("FILE a%00", "400"),
    ] {
        let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
        talk.say(format!("GET {target} P2P-CI/1.0\r\nHost: h\r\n\r\n"));
        let reply = String::from_utf8(talk.rest()).unwrap();
        assert!(reply.starts_with(&format!("P2P-CI/1.0 {status} ")), "{target}: {reply}");
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_is_not_passed_off_as_whole() {
    let (_root, a, b) = folders();
    let big = a.join("big.bin");
    fs::File::create(&big).unwrap().set_len(64 << 20).unwrap();
    let index = Index::start(&[]);
    let (_program, port) = share(index.address, &a);
    let mut talk = Talk::to(format!("127.0.0.1:{port}").parse().unwrap());
    talk.say("GET FILE big.bin P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert!(talk.line().unwrap().contains("200 OK"));
    fs::OpenOptions::new().write(true).open(&big).unwrap().set_len(32 << 20).unwrap();
    assert!(talk.rest().len() < 64 << 20);
    drop(b);
}
