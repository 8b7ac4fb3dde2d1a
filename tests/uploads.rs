//! The order in which a busy peer serves its readers (protocol.md section 7).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use common::{Index, PATIENCE, Program, Talk, folder};

const LARGE: usize = 1024 * 1024;

fn get(port: u16, name: &str) -> Talk {
    let mut talk = Talk::to(([127, 0, 0, 1], port).into());
    talk.say(format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n\r\n"));
    talk
}

fn start(index: &Index, arguments: &[&str], folder: &Path) -> (Program, u16) {
    let address = index.address.to_string();
    let arguments = [&[&address, "--share", ".", "--upload", "127.0.0.1:0"], arguments].concat();
    let program = Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, folder);
    let port = program.line().rsplit_once(':').unwrap().1.parse().unwrap();
    program.line();
    (program, port)
}

#[test]
fn a_second_large_document_waits_for_a_slot_and_a_small_one_does_not() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = folder(root.path(), "shared", &[("large.bin", &document), ("small.md", b"s")]);
    let index = Index::start(&[]);
    let arguments = ["--upload-limit", "700k", "--upload-slots", "1", "share"];
    let (_program, port) = start(&index, &arguments, &shared);
    let mut first = get(port, "large.bin");
    assert_eq!(first.line().unwrap(), "P2P-CI/1.0 200 OK");
    let mut second = get(port, "large.bin");
    let mut small = get(port, "small.md");
    assert_eq!(small.line().unwrap(), "P2P-CI/1.0 200 OK");
    assert!(small.rest().ends_with(b"s"));
    assert!(!second.has_arrived(), "the second has the slot of the first");
    assert!(first.rest().len() > LARGE);
    assert_eq!(second.line().unwrap(), "P2P-CI/1.0 200 OK");
    assert!(second.rest().len() > LARGE);
}

#[test]
fn who_waits_too_long_for_a_slot_is_told_so() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = folder(root.path(), "shared", &[("large.bin", &document)]);
    let index = Index::start(&[]);
    let arguments = ["--upload-limit", "50k", "--upload-slots", "1", "share"];
    let (_program, port) = start(&index, &arguments, &shared);
    let mut first = get(port, "large.bin");
    assert_eq!(first.line().unwrap(), "P2P-CI/1.0 200 OK");
    let begun = Instant::now();
    let mut second = get(port, "large.bin");
    assert_eq!(second.line().unwrap(), "P2P-CI/1.0 503 Service Unavailable");
    let waited = begun.elapsed();
    assert!((Duration::from_secs(7)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
}

/// They are counted across reads. Otherwise they keep a thread busy for nothing.
#[test]
fn endless_empty_lines_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let shared = folder(root.path(), "shared", &[("small.md", b"s")]);
    let index = Index::start(&[]);
    let (_program, port) = start(&index, &["share"], &shared);
    for (count, status) in [(32, "P2P-CI/1.0 200 OK"), (33, "P2P-CI/1.0 400 Bad Request")] {
        let mut talk = Talk::to(([127, 0, 0, 1], port).into());
        (0..count).for_each(|_| talk.say("\r\n"));
        talk.say("GET FILE small.md P2P-CI/1.0\r\nHost: h\r\n\r\n");
        assert_eq!(talk.line().unwrap(), status);
        talk.rest();
    }
}

/// A reader that closes while it waits takes no slot.
#[test]
fn one_that_goes_away_does_not_keep_its_turn() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = folder(root.path(), "shared", &[("large.bin", &document)]);
    let index = Index::start(&[]);
    let arguments = ["--upload-limit", "300k", "--upload-slots", "1", "share"];
    let (_program, port) = start(&index, &arguments, &shared);
    let mut first = get(port, "large.bin");
    assert_eq!(first.line().unwrap(), "P2P-CI/1.0 200 OK");
    drop((get(port, "large.bin"), get(port, "large.bin")));
    let mut last = get(port, "large.bin");
    assert!(first.rest().len() > LARGE);
    let begun = Instant::now();
    assert_eq!(last.line().unwrap(), "P2P-CI/1.0 200 OK");
    // Each of the others would have taken three and a half.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

/// Asks from another loopback address, which is another network.
#[cfg(target_os = "linux")]
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
#[cfg(target_os = "linux")]
fn begin(stream: &mut TcpStream) {
    let mut begun = [0; 200];
    stream.read_exact(&mut begun).unwrap();
    assert!(begun.starts_with(b"P2P-CI/1.0 200 OK"), "{}", String::from_utf8_lossy(&begun));
}

#[cfg(target_os = "linux")]
#[test]
fn a_network_with_several_slots_gives_one_up_and_keeps_its_uploads() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = folder(root.path(), "shared", &[("large.bin", &document)]);
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
#[cfg(target_os = "linux")]
#[test]
fn an_upload_that_is_not_read_gives_its_slot_up_and_is_not_closed() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = folder(root.path(), "shared", &[("large.bin", &document)]);
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

#[cfg(target_os = "linux")]
#[test]
fn readers_of_two_networks_that_hold_all_places_do_not_keep_others_out() {
    /// Less than the time for which they wait for slots.
    const TIME: Duration = Duration::from_secs(6);
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = folder(root.path(), "shared", &[("large.bin", &document), ("small.md", b"s")]);
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

#[cfg(target_os = "linux")]
#[test]
fn no_descriptor_is_503_and_not_404() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let root = tempfile::tempdir().unwrap();
    let shared = folder(root.path(), "shared", &[("small.md", b"s")]);
    let index = Index::start(&[]);
    let (program, port) = start(&index, &["share"], &shared);
    let process = Pid::from_raw(i32::try_from(program.id()).unwrap());
    // The connection gets the last one.
    let files = std::fs::read_dir(format!("/proc/{}/fd", program.id())).unwrap();
    let highest = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let highest = highest.map(|file| file.parse::<u64>().unwrap()).max().unwrap();
    let most = Some(highest + 2);
    prlimit(process, Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    let mut is_refused = false;
    let mut kept = Vec::new();
    let begun = Instant::now();
    // Lower numbers that are free are taken first.
    while !is_refused {
        assert!(begun.elapsed() < PATIENCE, "there were descriptors left");
        let mut silent = Talk::to(([127, 0, 0, 1], port).into());
        silent.say("GET FILE");
        let mut talk = get(port, "small.md");
        match answer_within(&mut talk, Duration::from_secs(2)) {
            Some(status) => {
                assert!(!status.contains("404"), "{status}");
                is_refused = status.contains("503");
                // Its descriptor is free before the next connection needs one.
                talk.rest();
                kept.push(silent);
            }
            // Not even its connection has one: the peer opened something else meanwhile.
            None => drop((silent, kept.pop())),
        }
    }
    drop(kept);
    let begun = Instant::now();
    while get(port, "small.md").line().is_none_or(|status| !status.contains("200")) {
        assert!(begun.elapsed() < PATIENCE, "it does not recover");
    }
}

/// The first line of a reply, if it comes in time.
#[cfg(target_os = "linux")]
fn answer_within(talk: &mut Talk, time: Duration) -> Option<String> {
    let begun = Instant::now();
    while !talk.has_arrived() {
        if begun.elapsed() > time {
            return None;
        }
        thread::yield_now();
    }
    talk.line()
}

#[cfg(unix)]
#[test]
fn a_peer_with_64_descriptors_works_slowly() {
    const READERS: usize = 30;
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE / 3];
    let shared = folder(root.path(), "shared", &[("large.bin", &document)]);
    let index = Index::start(&[]);
    let command = format!(
        "ulimit -n 64 && exec '{}' {} --share . --upload 127.0.0.1:0 share",
        env!("CARGO_BIN_EXE_peer"),
        index.address
    );
    let program = Program::start("sh", &["-c", &command], &shared);
    let port: u16 = program.line().rsplit_once(':').unwrap().1.parse().unwrap();
    program.line();
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                let begun = Instant::now();
                loop {
                    let mut talk = get(port, "large.bin");
                    match talk.line().as_deref() {
                        Some("P2P-CI/1.0 200 OK") => {
                            return assert!(talk.rest().ends_with(&document));
                        }
                        status => {
                            assert_eq!(status, Some("P2P-CI/1.0 503 Service Unavailable"));
                            assert!(begun.elapsed() < PATIENCE, "it has never a place");
                            thread::sleep(Duration::from_millis(20));
                        }
                    }
                }
            });
        }
    });
}

#[test]
fn a_packed_document_is_unpacked_once_for_all_readers() {
    const LENGTH: usize = 20_000_000;
    let root = tempfile::tempdir().unwrap();
    let shared = folder(root.path(), "shared", &[]);
    let file = std::fs::File::create(shared.join("rfc7.txt.gz")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(&vec![b'7'; LENGTH]).unwrap();
    encoder.finish().unwrap();
    let index = Index::start(&[]);
    // A slot for each reader: what is counted is copies, and not turns.
    let (program, port) = start(&index, &["--upload-slots", "24", "share"], &shared);
    // The peer reads the document once for its digest, too, which is not what is counted.
    index.wait_for_digests("RFC 7", 1);
    let readers: Vec<Talk> = (0..24)
        .map(|number| {
            let mut talk = Talk::to(([127, 0, 0, 1], port).into());
            let range = if number % 2 == 0 { "" } else { "Range: bytes=19000000-\r\n" };
            talk.say(format!("GET RFC 7 P2P-CI/1.0\r\nHost: h\r\n{range}\r\n"));
            talk
        })
        .collect();
    for (number, mut reader) in readers.into_iter().enumerate() {
        let status = reader.line().unwrap();
        assert!(status.contains(if number % 2 == 0 { " 200 " } else { " 206 " }), "{status}");
        // While one that has begun is not read, all others have their copies, too.
        #[cfg(target_os = "linux")]
        assert!(unnamed_bytes(program.id()) <= LENGTH as u64, "one copy");
        let rest = reader.rest();
        let expected = if number % 2 == 0 { LENGTH } else { LENGTH - 19_000_000 };
        assert!(rest.len() > expected && rest.ends_with(b"7777"));
    }
    drop(program);
}

/// Bytes of open files that have no name, each counted once.
#[cfg(target_os = "linux")]
fn unnamed_bytes(process: u32) -> u64 {
    use std::os::unix::fs::MetadataExt;

    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let files = files.filter_map(|file| {
        let path = file.ok()?.path();
        let target = std::fs::read_link(&path).ok()?;
        let metadata = path.metadata().ok()?;
        let is_unnamed = target.to_str()?.ends_with("(deleted)") && metadata.is_file();
        is_unnamed.then(|| (metadata.ino(), metadata.len()))
    });
    files.collect::<std::collections::HashMap<_, _>>().values().sum()
}
