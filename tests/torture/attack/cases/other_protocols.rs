//! Programs that speak another protocol: index and upload server close their connections immediately
//! (protocol.md section 3.5).

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::latency::millis;
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer};
use crate::common::talk::{Talk, list, records};

pub(super) fn other_protocols(_: &Setting, report: &mut Report) -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("rfc1.txt"), "one")?;
    let index = Index::with(&["--log", "quiet"])?;
    let peer = Peer::share(index.address, directory.path(), &[])?;
    let noise: Vec<u8> =
        (0..4096_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let messages: [(&str, &[u8]); 8] = [
        ("HTTP GET", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        ("TLS hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\xaa\xbb\xcc\xdd"),
        ("pickle", b"\x80\x04\x95\x1b\0\0\0\0\0\0\0]\x94(\x8c\x03ADD\x94K\x01e."),
        ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n\0\0\x05\xdc\x07\x14"),
        ("SMB", b"\0\0\0\x85\xffSMBr\0\0\0\0"),
        ("Redis", b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n\0"),
        ("noise", &noise),
    ];
    let mut longest = Duration::ZERO;
    let mut wrong = Vec::new();
    for (name, message) in messages {
        for (place, address) in [("index", index.address), ("upload server", peer.upload)] {
            let time = time_to_close(address, message)?;
            longest = longest.max(time);
            if time > Duration::from_millis(100) {
                wrong.push(format!("{name} at the {place}: {:.0} ms", millis(time)));
            }
        }
    }
    report.figure("the longest until the close", millis(longest), "ms");
    report.require_time(
        &format!("refused and closed within 100 ms {}", wrong.join(", ")),
        wrong.is_empty(),
    );
    let listed = Talk::to(index.address)?.ask(list())?;
    report.require("no record", records(&listed).len() == 1);
    Ok(())
}

/// How long it takes until the other side has closed, which the sender does not.
fn time_to_close(address: SocketAddr, message: &[u8]) -> io::Result<Duration> {
    let mut talk = Talk::to(address)?;
    let begun = Instant::now();
    // It may be refused before all of it was sent.
    let _ = talk.stream.write_all(message);
    // A fault whose end is known does not end the connection: ten of them do.
    for _ in 0..10 {
        let _ = talk.stream.write_all(b"\r\n\r\nx\r\n\r\n");
    }
    let (_, end) = talk.rest();
    Ok(end - begun)
}
