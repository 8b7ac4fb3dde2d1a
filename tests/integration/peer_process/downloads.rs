//! Downloads: the next holder, and what an interrupted download leaves.

use std::fs;
use std::net::TcpListener;

use crate::common::{Index, PATIENCE, peer, run_peer_again, share};
use crate::peer_process::{directories, files, nowhere};

#[test]
fn the_next_holder_is_asked_when_one_fails() {
    let (root, a, b) = directories();
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    // The one that has it is known to be far away, and asked last: of two that are as near, the one that
    // happens to answer a millisecond sooner is asked first.
    let state = root.path().join("state");
    fs::create_dir_all(state.join("p2p-ci")).unwrap();
    let known = format!("p2p-ci holders 1\nlocalhost:{port} 900000 0\n");
    fs::write(state.join("p2p-ci/holders"), known).unwrap();
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
fn a_killed_download_leaves_no_final_name_and_a_signalled_one_nothing() {
    let (_root, _, b) = directories();
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

/// `timeout` sends its signal to the process and to its group.
#[test]
fn a_signal_that_comes_twice_is_one() {
    let (_root, _, b) = directories();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let from = holder.local_addr().unwrap().to_string();
    let arguments = ["--share", ".", "get", "7", "--from", &from];
    let mut program = peer(holder.local_addr().unwrap(), &arguments, &b);
    let (_stream, _) = holder.accept().unwrap();
    program.signal("TERM");
    program.signal("TERM");
    program.error_with("interrupted");
    assert_eq!(program.wait().code(), Some(143));
}
