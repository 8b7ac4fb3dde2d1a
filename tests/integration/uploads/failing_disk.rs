//! Files that cannot be read (protocol.md section 5.3). strace lets system calls fail.

use std::process::Command;

use crate::common::{self, Index, Program, Talk, directory};

const LENGTH: usize = 300 * 1024;

/// The replies of a peer to requests for `big.bin`, if these system calls fail on that file. `None`
/// without strace.
fn replies(failure: &str, requests: &[&str]) -> Option<Vec<Vec<u8>>> {
    if Command::new("strace").arg("-V").output().is_err() {
        common::skip("`strace` is not installed");
        return None;
    }
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("big.bin", &vec![7; LENGTH])]);
    let index = Index::start(&[]);
    let (address, file) = (index.address.to_string(), shared.join("big.bin"));
    let inject = format!("inject={failure}");
    let mut arguments = vec!["-f", "-qq", "-o", "calls", "-P", file.to_str().unwrap(), "-e"];
    arguments.extend([&*inject, env!("CARGO_BIN_EXE_peer"), &*address, "--share"]);
    arguments.extend([shared.to_str().unwrap(), "--upload", "127.0.0.1:0", "share"]);
    let mut program = Program::start("strace", &arguments, root.path());
    let port = program.line().rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    program.line();
    let replies = requests.iter().map(|headers| {
        let mut talk = Talk::to(([127, 0, 0, 1], port).into());
        talk.say(format!("GET FILE big.bin P2P-CI/1.0\r\nHost: h\r\n{headers}\r\n"));
        talk.rest()
    });
    let replies = replies.collect();
    // strace ends with the traced program; a killed strace would leave it running.
    let traced = common::child_of(program.id());
    assert!(Command::new("kill").arg(traced).status().unwrap().success());
    program.wait();
    Some(replies)
}

/// Once, the reply was 200 with a length and no byte, which programs save as an empty file.
#[test]
fn a_file_whose_first_byte_cannot_be_read_is_refused_with_503() {
    let requests = ["", "Range: bytes=1000-\r\n", "Want-Digest: sha-256\r\n"];
    let Some(replies) = replies("pread64,sendfile:error=EIO", &requests) else { return };
    for (reply, request) in replies.iter().zip(requests) {
        let text = String::from_utf8_lossy(reply);
        let is_refused = text.starts_with("P2P-CI/1.0 503 Service Unavailable\r\n");
        assert!(is_refused, "{request}: {}", text.get(..200).unwrap_or(&text));
    }
}

/// The system may have no memory for the pipe that `sendfile` needs.
#[test]
fn a_file_that_cannot_be_sent_directly_is_sent_through_a_buffer() {
    for failure in ["sendfile:error=ENOMEM", "sendfile:error=EIO"] {
        let Some(replies) = replies(failure, &["", "Range: bytes=1000-\r\n"]) else { return };
        for (reply, count) in replies.iter().zip([LENGTH, LENGTH - 1000]) {
            let is_ok = reply.starts_with(b"P2P-CI/1.0 200 OK\r\n");
            let body = reply.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            assert!(is_ok || reply.starts_with(b"P2P-CI/1.0 206 "), "{failure}");
            assert_eq!(reply.len() - body, count, "{failure}");
        }
    }
}
