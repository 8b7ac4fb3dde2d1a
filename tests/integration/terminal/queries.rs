//! Queries: Ctrl-C while the index is asked, and a reader that pauses.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Index, PATIENCE, Talk, directory};
use crate::terminal::screen::Terminal;

/// An index whose replies to queries never end: a record now and then. Also returns when it replies.
fn endless_index() -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (replies, replying) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let replies = replies.clone();
            thread::spawn(move || {
                let mut first = String::new();
                let _ = BufReader::new(&stream).read_line(&mut first);
                let mut outcome = stream.write_all(b"P2P-CI/1.0 200 OK\r\n\r\n");
                let _ = replies.send(());
                while outcome.is_ok() && !first.is_empty() {
                    outcome = stream.write_all(b"RFC 7 T 192.0.2.1 1\r\n");
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
    (address, replying)
}

#[test]
fn ctrl_c_cancels_queries() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    let Index { program, .. } = Index::start(&[]);
    let (address, replying) = endless_index();
    let index = Index { program, address };
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    for command in [
        "list",
        "lookup 7",
        "lookup 7 --probe",
        "search t",
        "browse 192.0.2.1:1",
        "peers",
        "get 7",
        "sync",
    ] {
        // The registration's own connections.
        replying.try_iter().for_each(drop);
        terminal.type_text(&format!("{command}\r"));
        replying.recv_timeout(PATIENCE).unwrap();
        terminal.type_text("\x03");
        terminal.wait_for("interrupted");
        terminal.wait_for("p2p-ci> ");
        // A second one within a second would end the session.
        thread::sleep(Duration::from_millis(1000));
    }
    terminal.quit();
}

/// The lines of the reply to a LOOKUP on a connection of its own.
fn looked_up(index: &Index, number: u32) -> Vec<String> {
    let mut talk = index.connect();
    talk.say(format!(
        "LOOKUP RFC {number} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n"
    ));
    talk.reply()
}

#[test]
fn a_paused_pager_does_not_cost_the_peer_its_registration() {
    // Far more than the buffers of the pipe and of the terminal hold.
    const RECORDS: u32 = 8_000;
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[("rfc90001.txt", b"own")]);
    let index = Index::start(&[]);
    let mut others = index.connect();
    let title = "t".repeat(480);
    for first in (1..=RECORDS).step_by(100) {
        let requests: String = (first..first + 100)
            .map(|number| {
                format!(
                    "ADD RFC {number} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: {title}\r\n\r\n"
                )
            })
            .collect();
        others.say(requests);
        for _ in 0..100 {
            others.reply();
        }
    }
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    index.wait_for_digests("RFC 90001", 1);
    let registered = looked_up(&index, 90001);
    let port = registered.get(2).and_then(|record| record.rsplit(' ').next()).unwrap();
    let uploads: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    terminal.type_text("list --format raw\r");
    terminal.wait_for("RFC 2 ttt");
    let reading = Arc::clone(&terminal.reading);
    let paused = reading.lock().unwrap();
    for _ in 0..100 {
        // The same record, with the same time of its registration.
        assert_eq!(looked_up(&index, 90001), registered);
        let mut talk = Talk::to(uploads);
        talk.say("GET RFC 90001 P2P-CI/1.0\r\nHost: h\r\n\r\n");
        assert!(talk.rest().ends_with(b"\r\n\r\nown"));
        thread::sleep(Duration::from_millis(20));
    }
    drop(paused);
    terminal.wait_for(&format!("RFC {RECORDS} ttt"));
    terminal.wait_for("p2p-ci> ");
    assert_eq!(looked_up(&index, 90001), registered);
    assert!(!terminal.everything.contains("lost the index"), "the connection was lost");
    terminal.quit();
}

/// Types these commands, and cancels each one: the prompt is back soon.
fn cancel_each(terminal: &mut Terminal, commands: &[(&str, &str)]) {
    for (command, kept) in commands {
        terminal.type_text(&format!("{command}\r"));
        // The command has begun when its line was taken.
        terminal.wait_for("\r\n");
        thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        terminal.type_text("\x03");
        terminal.wait_for(kept);
        terminal.wait_for("p2p-ci> ");
        // Less than a connection attempt or a reply may take.
        assert!(begun.elapsed() < Duration::from_secs(3), "{command}: {:?}", begun.elapsed());
        // A second one within a second would end the session.
        thread::sleep(Duration::from_millis(1000));
    }
}

#[test]
fn ctrl_c_cancels_a_query_to_a_silent_index() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    let notes = root.path().join("notes.txt");
    fs::write(&notes, "notes").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let Index { program, .. } = Index::start(&[]);
    let index = Index { program, address: listener.local_addr().unwrap() };
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    let add = format!("add '{}'", notes.display());
    cancel_each(
        &mut terminal,
        &[
            (&add, "notes.txt is shared, and is registered when the index answers"),
            // The reply to the first request is still missing.
            (&add, "notes.txt is shared, and is registered when the index answers"),
            ("remove notes.txt", "is not shared any more, and the index is told when it answers"),
            ("get 7", "the same `get` resumes"),
            ("sync", "nothing was downloaded"),
            ("peers", "interrupted"),
        ],
    );
    terminal.quit();
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_cancels_connecting_to_the_index() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let Index { program, .. } = Index::start(&[]);
    let Some(mut terminal) = Terminal::start(&Index { program, address }, &mine) else { return };
    // The queue of connections is full: further attempts to connect are not answered.
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue has no end");
    }
    cancel_each(
        &mut terminal,
        &[
            ("list", "interrupted"),
            ("search t", "interrupted"),
            ("lookup 7 --probe", "interrupted"),
            ("get 7 8", "the same `get` resumes"),
            ("sync", "nothing was downloaded"),
        ],
    );
    terminal.quit();
}

/// A session resumes what is wanted. A person who cancels the look-up of holders wants nothing.
#[test]
fn a_document_whose_look_up_was_cancelled_is_not_wanted() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let Index { program, .. } = Index::start(&[]);
    let index = Index { program, address: listener.local_addr().unwrap() };
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    cancel_each(&mut terminal, &[("get 7", "the same `get` resumes"), ("get 8 9", "resumes")]);
    terminal.type_text("get\r");
    terminal.wait_for("no unfinished download");
    terminal.quit();
}
