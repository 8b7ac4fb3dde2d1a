//! A directory that is shared for long: it is watched, withdrawn from, handed over, and comes back.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{
    Index, PATIENCE, Program, Requests, directory, names, peer, run_peer_again, share,
};

/// They have addresses, histories, and the token of the status page.
#[test]
fn own_files_are_neither_shared_nor_written_by_downloads() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[("rfc7.txt", b"seven")]);
    let run = |words: &[&str], state: &str, shared: &str| {
        let arguments = [&["127.0.0.1:1", "--share", shared], words].concat();
        run_peer_again(&arguments, &mine.join(state), &mine)
    };
    for words in [&["share"][..], &[], &["get", "7"], &["sync"]] {
        for (state, shared) in [("", "."), ("below", "."), ("", "p2p-ci"), ("", "p2p-ci/downloads")]
        {
            let (code, _, errors) = run(words, state, shared);
            let is_refused = errors.contains("this program's own files are in");
            assert!(code == 74 && is_refused, "{words:?} {state} {shared}: {code} {errors}");
        }
    }
    // Hidden directories are not shared, and other commands share nothing.
    assert_eq!(run(&["sync"], ".state", ".").0, 69);
    assert_eq!(run(&["docs"], "", ".").0, 0);
}

#[test]
fn a_directory_is_watched() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("rfc7.txt", b"seven")]);
    let index = Index::start(&[]);
    let (_peer, port) = share(index.address, &shared);
    fs::write(shared.join("rfc8.txt"), "eight").unwrap();
    index.wait_for_records(2);
    fs::remove_file(shared.join("rfc7.txt")).unwrap();
    index.wait_for_records(1);
    assert_eq!(index.list(), [format!("RFC 8 rfc8.txt localhost {port}")]);

    let page = "Network Working Group\nRequest for Comments: 8\n\n\n   A New Title\n\nText";
    fs::write(shared.join("rfc8.txt"), page).unwrap();
    let begun = Instant::now();
    while index.list() != [format!("RFC 8 New Title localhost {port}")] {
        assert!(begun.elapsed() < PATIENCE, "{:?}", index.list());
        thread::yield_now();
    }
}

/// A registration finds out with its first document what the index knows: here there was none.
#[test]
fn the_first_document_of_an_empty_directory_is_registered_with_everything_known_of_it() {
    for name in ["a file.txt", "rfc7.txt"] {
        let root = tempfile::tempdir().unwrap();
        let directory = directory(root.path(), "mine", &[]);
        let index = Index::start(&[]);
        let (_peer, _) = share(index.address, &directory);
        fs::write(directory.join(name), "text").unwrap();
        let document = if name == "rfc7.txt" { "RFC 7" } else { "FILE a%20file.txt" };
        index.wait_for_digests(document, 1);
    }
}

#[test]
fn a_document_that_was_read_whole_is_handed_over() {
    let root = tempfile::tempdir().unwrap();
    let lender = directory(
        root.path(),
        "lender",
        &[("rfc7.txt", b"seven"), ("big.bin", &vec![7; 12_000_000])],
    );
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "--hand-over", "share"];
    let program = peer(index.address, &arguments, &lender);
    let line = program.line();
    let port: u16 = line.rsplit_once(':').unwrap().1.parse().unwrap();
    program.line();

    // A reader that leaves in the middle, or has closed its side before it has read, gets nothing.
    let lends = |name: &str, closes_first: bool| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET {name} P2P-CI/1.0\r\nHost: h\r\nRange: bytes=4-\r\n\r\n").unwrap();
        if closes_first {
            stream.read_exact(&mut [0; 100]).unwrap();
        }
    };
    lends("FILE big.bin", true);
    program.error_with("upload ended");
    assert_eq!(names(&lender), ["big.bin", "rfc7.txt"]);

    let mut session = peer(index.address, &["--share", ".", "--upload", "127.0.0.1:0"], &mine);
    session.line();
    session.line();
    session.type_line("get 7");
    assert!(session.line().starts_with("RFC 7: 5 bytes"));
    program.error_with("RFC 7 is not shared any more");
    let begun = Instant::now();
    while index.list().len() != 1 {
        assert!(begun.elapsed() < PATIENCE, "{:?}", index.list());
        thread::yield_now();
    }
    assert!(!index.list()[0].ends_with(&port.to_string()), "{:?}", index.list());
    assert_eq!(fs::read(lender.join("handed-over/rfc7.txt")).unwrap(), b"seven");
    assert_eq!(fs::read(mine.join("rfc7.txt")).unwrap(), b"seven");
}

#[test]
fn a_peer_comes_back_at_its_old_port() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[("rfc7.txt", b"seven")]);
    let state = directory(root.path(), "state", &[]);
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let run = || run_peer_again(&[&address, "--share", "."], &state, &mine).1;
    let first = run();
    let port =
        |output: &str| output.lines().next().unwrap().rsplit_once(':').unwrap().1.to_string();
    assert_eq!(port(&run()), port(&first));
    // Unless another peer has it.
    let _taken = TcpListener::bind(format!("[::]:{}", port(&first))).unwrap();
    assert_ne!(port(&run()), port(&first));
}

/// An index of another program, which does not know our headers.
fn strict_index() -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (say, said) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let say = say.clone();
            thread::spawn(move || {
                let mut requests = Requests::to_index(&stream);
                let mut stream = stream;
                while let Some(head) = requests.next() {
                    let (request, headers) = head.split_once("\r\n").unwrap();
                    let is_known = headers.trim_end().lines().all(|line| {
                        ["Host:", "Port:", "Title:"].iter().any(|name| line.starts_with(name))
                    });
                    say.send(format!("{request} {is_known}")).unwrap();
                    let reply = match is_known && !request.starts_with("REMOVE") {
                        true => "P2P-CI/1.0 200 OK\r\n\r\n\r\n",
                        false => "P2P-CI/1.0 400 Bad Request\r\n\r\n",
                    };
                    stream.write_all(reply.as_bytes()).unwrap();
                }
            });
        }
    });
    (address, said)
}

#[test]
fn a_strict_index_gets_no_extensions_and_a_new_connection_withdraws_a_document() {
    let root = tempfile::tempdir().unwrap();
    let shared =
        directory(root.path(), "shared", &[("rfc7.txt", b"seven"), ("rfc8.txt", b"eight")]);
    let (address, said) = strict_index();
    let (_peer, _) = share(address, &shared);
    let next = || said.recv_timeout(PATIENCE).unwrap();
    // The only extension that it is asked for without having shown one is the header of a LOOKUP.
    assert_eq!(next(), "ADD RFC 7 P2P-CI/1.0 true");
    assert_eq!(next(), "LOOKUP RFC 7 P2P-CI/1.0 false");
    assert_eq!(next(), "ADD RFC 8 P2P-CI/1.0 true");
    fs::remove_file(shared.join("rfc7.txt")).unwrap();
    // Its record can only be withdrawn by a new connection.
    assert_eq!(next(), "ADD RFC 8 P2P-CI/1.0 true");
}

#[test]
fn ten_thousand_files_come_change_and_go() {
    const FILES: usize = 10_000;
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[]);
    let index = Index::start(&["--log", "quiet"]);
    let (peer, _) = share(index.address, &shared);
    let path = |number: usize| shared.join(format!("rfc{number}.txt"));
    // The peer says a line for each document that has come, changed or gone.
    let wait = |is_there: &dyn Fn(&[String]) -> bool| {
        for _ in 0..FILES {
            peer.error_with(" shared");
        }
        let begun = Instant::now();
        while !is_there(&index.list()) {
            assert!(begun.elapsed() < PATIENCE, "{} records", index.list().len());
            thread::yield_now();
        }
    };
    for number in 1..=FILES {
        fs::write(path(number), "a text").unwrap();
    }
    wait(&|list| list.len() == FILES);
    for number in 1..=FILES {
        match number % 4 {
            0 => fs::remove_file(path(number)).unwrap(),
            1 => fs::rename(path(number), path(number + FILES)).unwrap(),
            2 => {
                let page = format!("Request for Comments: {number}\n\n\n   Changed\n\nText\n");
                fs::write(path(number), page).unwrap();
            }
            _ => {}
        }
    }
    wait(&|list| {
        let changed = list.iter().filter(|line| line.contains(" Changed ")).count();
        let moved =
            list.iter().filter(|line| line[4..].split(' ').next().unwrap().len() == 5).count();
        list.len() == FILES * 3 / 4 && changed == FILES / 4 && moved >= FILES / 4
    });
}

/// The second process is told, also when the first one was killed and a third one follows.
#[test]
fn a_second_process_that_shares_the_directory_reports_it() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("rfc7.txt", b"seven")]);
    let state = directory(root.path(), "state", &[]);
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let start = || {
        let begun = Instant::now();
        let path = env!("CARGO_BIN_EXE_peer");
        let program =
            Program::start_again(path, &[&address, "--share", ".", "share"], &state, &shared);
        assert!(program.line().starts_with("uploading"));
        // Storing the port waits for a lock for 5 s, which is another one.
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert!(program.line().starts_with("registered 1 document"));
        program
    };
    let errors = |mut program: Program| {
        program.signal("KILL");
        program.wait();
        program.errors().join("\n")
    };
    let note = "another process shares `.` already";
    let (first, second) = (start(), start());
    assert!(errors(second).contains(note));
    assert!(!errors(first).contains(note));
    assert!(!errors(start()).contains(note));
}
