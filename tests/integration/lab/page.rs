//! The address for operators of a laboratory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::{check_removed, directory, lab};
use crate::common::{PATIENCE, uninterrupted};

/// Sends GET, and reads until the reply ends, or contains this text.
fn get(address: &str, path: &str, until: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let (mut reply, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = uninterrupted(|| stream.read(&mut chunk)).unwrap();
        reply.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&reply).into_owned();
        if count == 0 || text.contains(until) {
            return text;
        }
    }
}

/// The state and the metrics are at the address, and the end of the laboratory does not wait for a page.
#[test]
fn a_laboratory_shows_its_peers_to_operators() {
    let root = directory();
    let mut child = lab(root.path(), &["2", "--admin", "127.0.0.1:0"]).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let admin = lines.by_ref().find_map(|line| Some(line.strip_prefix("admin at ")?.to_string()));
    let admin = admin.unwrap();
    input.write_all(b"get 2 RFC 101\n").unwrap();
    let delivered = |line: String| line.contains("peer 2 has RFC 101").then_some(());
    lines.by_ref().find_map(delivered).unwrap();
    let events = get(&admin, "/events", "\"title\":");
    for part in ["\"program\":\"lab\"", "\"presence\":\"joined\"", "\"delivered\":1"] {
        assert!(events.contains(part), "{part}: {events}");
    }
    let metrics = get(&admin, "/metrics", "# EOF");
    for line in [
        "p2p_ci_lab_documents_total{result=\"delivered\"} 1",
        "p2p_ci_lab_documents_total{result=\"wanted\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    input.write_all(b"quit\n").unwrap();
    lines.by_ref().last();
    assert!(child.wait().unwrap().success());
    check_removed(root.path());
}
