//! Upload slots and connections of several networks (protocol.md section 7).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Index, PATIENCE, directory};
use crate::uploads::{LARGE, alone_with_many_connections, start};

/// Asks from another loopback address, which is another network.
fn get_from(source: u8, port: u16, name: &str) -> TcpStream {
    use socket2::{Domain, Socket, Type};

    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, source], 0)).into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Reads until the document has begun.
fn begin(stream: &mut TcpStream) {
    let mut begun = [0; 200];
    stream.read_exact(&mut begun).unwrap();
    assert!(begun.starts_with(b"P2P-CI/1.0 200 OK"), "{}", String::from_utf8_lossy(&begun));
}

#[test]
fn a_network_with_several_slots_gives_one_up_and_keeps_its_uploads() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = directory(root.path(), "shared", &[("large.bin", &document)]);
    let index = Index::start(&[]);
    let arguments = ["--upload-limit", "200k", "--upload-slots", "2", "share"];
    let (_program, port) = start(&index, &arguments, &shared);
    let mut ours = [2, 2].map(|source| get_from(source, port, "large.bin"));
    ours.iter_mut().for_each(begin);
    let begun = Instant::now();
    let mut other = get_from(3, port, "large.bin");
    begin(&mut other);
    // Both have more than five seconds to go.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let lengths = thread::scope(|scope| {
        let read = |stream: &mut TcpStream| {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            rest.len()
        };
        let threads: Vec<_> =
            ours.iter_mut().map(|stream| scope.spawn(move || read(stream))).collect();
        let other = read(&mut other);
        let mut all: Vec<usize> =
            threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        all.push(other);
        all
    });
    assert!(lengths.iter().all(|length| *length > LARGE - 200), "all come whole: {lengths:?}");
}

/// Each network has one slot, so that none has several of which it could give one up.
#[test]
fn an_upload_that_is_not_read_gives_its_slot_up_and_is_not_closed() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = directory(root.path(), "shared", &[("large.bin", &document)]);
    let index = Index::start(&[]);
    let (_program, port) = start(&index, &["--upload-slots", "2", "share"], &shared);
    let mut slow = [2, 3].map(|source| get_from(source, port, "large.bin"));
    slow.iter_mut().for_each(begin);
    let begun = Instant::now();
    let mut other = get_from(4, port, "large.bin");
    let mut status = [0; 14];
    // Both are known to be slow after some seconds; on a busy machine, after it was refused.
    while other.read_exact(&mut status).is_err() || status != *b"P2P-CI/1.0 200" {
        assert!(begun.elapsed() < PATIENCE, "it has no slot");
        other = get_from(4, port, "large.bin");
    }
    for stream in [&mut other].into_iter().chain(&mut slow) {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.len() > LARGE - 200, "it came whole");
    }
}

#[test]
fn readers_of_two_networks_that_hold_all_places_do_not_keep_others_out() {
    /// Less than the time for which they wait for slots.
    const TIME: Duration = Duration::from_secs(6);
    let _alone = alone_with_many_connections();
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = directory(root.path(), "shared", &[("large.bin", &document), ("small.md", b"s")]);
    let index = Index::start(&[]);
    let (_program, port) = start(&index, &["--upload-slots", "2", "share"], &shared);
    let begun = Instant::now();
    let _all: Vec<_> = (0..64).map(|number| get_from(2 + number % 2, port, "large.bin")).collect();
    // They have asked, and wait, when it is accepted after them; or a moment later.
    loop {
        let mut reply = String::new();
        // A refused connection may be reset.
        let _ = get_from(4, port, "small.md").read_to_string(&mut reply);
        if reply.starts_with("P2P-CI/1.0 200 OK") {
            break;
        }
        assert!(begun.elapsed() < TIME, "{reply}");
        thread::sleep(Duration::from_millis(50));
    }
}
