//! A stream of bytes into a whole session: the replies are well-formed, hold one line a record,
//! and are the same however the stream is cut. The first byte says where.

#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use p2p_ci::protocol::role::{IndexClient, ReplyMeaning};
use p2p_ci::protocol::{IndexReplyDecoder, ReplyPart};
use p2p_ci::server::{Config, Server};

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    let whole = converse(bytes, bytes.len().max(1));
    let pieces = converse(bytes, usize::from(step).max(1));
    assert_eq!(String::from_utf8_lossy(&whole), String::from_utf8_lossy(&pieces));
    let mut role = IndexClient::new(IndexReplyDecoder::default());
    let mut rest = &whole[..];
    while !rest.is_empty() {
        let event = role.next(rest, || Duration::ZERO).expect("a whole reply");
        let line = String::from_utf8_lossy(&rest[..event.used]);
        match event.meaning {
            // The empty line that begins the data part is read along with its first record.
            ReplyMeaning::Part(ReplyPart::Record(record)) => {
                assert!(!line.trim_matches(['\r', '\n']).contains('\n'), "{record}");
            }
            ReplyMeaning::Fault(fault) => panic!("{fault}: {line}"),
            _ => {}
        }
        rest = &rest[event.used..];
    }
});

/// All replies of an index of its own, without the times at which it took records.
fn converse(bytes: &[u8], step: usize) -> Vec<u8> {
    let config = Config { listen: vec![([127, 0, 0, 1], 0).into()], ..Config::default() };
    let server = Server::bind(&config).expect("a port of loopback");
    let address = server.addresses().expect("its address")[0];
    let stop = server.stop();
    let running = thread::spawn(move || server.run());
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let mut replies = Vec::new();
    for piece in bytes.chunks(step) {
        // It may close before it has read everything.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut replies);
    stop.stop();
    let _cause = running.join().expect("a server without a panic");
    let lines = replies.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(b"Added: ")).flatten().copied().collect()
}
