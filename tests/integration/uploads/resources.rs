//! File descriptors, and copies of packed documents (protocol.md section 7).

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Index, PATIENCE, Program, Talk, directory};
use crate::uploads::{LARGE, alone_with_many_connections, get, start};

#[cfg(target_os = "linux")]
#[test]
fn no_descriptor_is_503_and_not_404() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let _alone = alone_with_many_connections();
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("small.md", b"s")]);
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
    let _alone = alone_with_many_connections();
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE / 3];
    let shared = directory(root.path(), "shared", &[("large.bin", &document)]);
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
    let shared = directory(root.path(), "shared", &[]);
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
