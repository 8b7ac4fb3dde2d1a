//! Part files of documents that many holders announce differently: limited while downloads run,
//! and deleted when nothing wants them any more.

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test may panic")]

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::common::holders::{holder, respond};
use crate::common::{Index, Program, Talk, directory, in_parallel, names, run_peer_again, share};

/// Bytes that each of the holders below sends.
const SENT: usize = 1_000_000;

/// Registers documents for each of these ports.
fn register(index: &Index, documents: &[String], ports: &[u16]) -> Vec<Talk> {
    ports.iter().map(|port| index.register_files(documents, *port)).collect()
}

/// Holders that announce a different version for each request, which has at least `length` bytes, send
/// the beginning of it and close the connection.
fn dishonest_holders(count: u16, length: u64) -> Vec<u16> {
    let dishonest = |number: u16| {
        let requests = Arc::new(AtomicU32::new(0));
        let address = holder(Ipv4Addr::LOCALHOST, move |stream, _| {
            let request = requests.fetch_add(1, Ordering::Relaxed);
            let length = length + u64::from(request);
            let headers = format!(
                "Content-Length: {length}\r\nDigest: sha-256={number:032x}{request:032x}\r\n"
            );
            respond(stream, &headers, &vec![b'x'; SENT])
        });
        address.port()
    };
    (0..count).map(dishonest).collect()
}

/// The number, the bytes and the targets of the part files in a directory.
fn parts(directory: &Path) -> (usize, u64, HashSet<String>) {
    let (mut count, mut bytes, mut targets) = (0, 0, HashSet::new());
    for entry in fs::read_dir(directory).unwrap().map_while(Result::ok) {
        let name = entry.file_name().into_string().unwrap();
        let Ok(metadata) = entry.metadata() else { continue };
        if name.ends_with(".part") {
            count += 1;
            bytes += std::os::unix::fs::MetadataExt::blocks(&metadata) * 512;
            targets.extend(name.split('.').nth(1).map(str::to_string));
        }
    }
    (count, bytes, targets)
}

/// Runs programs to their end and returns the largest number of part files, and their bytes.
fn watch(mut programs: Vec<Program>, directory: &Path) -> (usize, u64) {
    let begun = Instant::now();
    let mut most = (0, 0);
    while programs.iter_mut().any(Program::is_running) {
        let files = || format!("still running after 120 s, with the files {:?}", names(directory));
        assert!(begun.elapsed() < Duration::from_secs(120), "{}", files());
        let (count, bytes, _) = parts(directory);
        most = (most.0.max(count), most.1.max(bytes));
        thread::sleep(Duration::from_millis(5));
    }
    most
}

#[test]
fn many_versions_of_one_document_leave_few_part_files() {
    // The part files of a document, and a temporary file that becomes the next one.
    const MOST: usize = 4 + 1;
    // A holder is asked for a large document several times, and after seconds. With its record, each
    // holder takes two descriptors of this process, which may have 256.
    let indexes = [(12, 2_000_000), (2, 9_000_000)].map(|(holders, length)| {
        let index = Index::start(&[]);
        let records = register(&index, &["a.bin".to_string()], &dishonest_holders(holders, length));
        (index, records, length)
    });
    let commands: [&[&str]; 2] = [&["get", "a.bin"], &["sync"]];
    let addresses =
        indexes.each_ref().map(|(index, _, length)| (index.address.to_string(), *length));
    let cases = addresses.iter().flat_map(|index| commands.map(|command| (index, command)));
    in_parallel(cases, |((address, length), what)| {
        let root = tempfile::tempdir().unwrap();
        let (mine, state) =
            (directory(root.path(), "mine", &[]), directory(root.path(), "state", &[]));
        let arguments = [&[address, "--share", "."][..], what].concat();
        let start = || Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, &state, &mine);
        let (count, bytes) = watch(vec![start()], &mine);
        assert!(count <= MOST, "{what:?} {length}: {count} part files");
        assert!(bytes <= (MOST * SENT) as u64, "{what:?} {length}: {bytes} bytes");
        assert_eq!(names(&mine), [] as [&str; 0], "{what:?} {length}");
    });
}

#[test]
fn two_processes_and_many_documents_leave_no_part_of_a_given_up_download() {
    let root = tempfile::tempdir().unwrap();
    let (mine, state) = (directory(root.path(), "mine", &[]), directory(root.path(), "state", &[]));
    let honest = directory(root.path(), "honest", &[("z.md", b"z")]);
    let index = Index::start(&[]);
    let (_honest, _) = share(index.address, &honest);
    let documents: Vec<String> = (0..6).map(|number| format!("a{number}.bin")).collect();
    // Two documents have holders of their own, so that few wait for the holders of another one.
    let with_dishonest_holders =
        |documents: &[String]| register(&index, documents, &dishonest_holders(3, 2_000_000));
    let _records: Vec<Vec<Talk>> = documents.chunks(2).map(with_dishonest_holders).collect();
    let address = index.address.to_string();
    let start = || {
        let arguments = [&address, "--share", ".", "sync"];
        Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, &state, &mine)
    };
    // The next programs resume or delete the part files of a killed program.
    let mut killed = start();
    let begun = Instant::now();
    while parts(&mine).2.len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", names(&mine));
        thread::sleep(Duration::from_millis(5));
    }
    killed.signal("KILL");
    killed.wait();
    assert!(parts(&mine).0 > 0);
    let (count, _) = watch(vec![start(), start()], &mine);
    assert!(count <= 6 * 6, "{count} part files");
    let left: Vec<String> = names(&mine).into_iter().filter(|name| !is_temporary(name)).collect();
    assert_eq!(left, ["z.md"]);
}

/// A temporary file of a killed program is removed when it is a minute old.
fn is_temporary(name: &str) -> bool {
    name.starts_with(".p2p-ci-")
}

#[test]
fn part_files_that_no_download_wants_are_deleted() {
    let root = tempfile::tempdir().unwrap();
    let honest = directory(root.path(), "honest", &[("z.md", b"z")]);
    let mine = directory(root.path(), "mine", &[("here.md", b"here")]);
    let state = directory(root.path(), "state", &[]);
    let index = Index::start(&[]);
    let (_honest, _) = share(index.address, &honest);
    let hashed = |name: &str| {
        let output = std::process::Command::new("sha256sum")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .and_then(|mut child| {
                child.stdin.take().unwrap().write_all(name.as_bytes())?;
                child.wait_with_output()
            });
        let digest = String::from_utf8(output.unwrap().stdout).unwrap();
        digest[..16].to_string()
    };
    let part = |target: &str, days: u64| {
        let path = mine.join(format!(".{}.abababababababab.part", hashed(target)));
        fs::write(&path, "begun").unwrap();
        let time = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        path
    };
    let (complete, old) = (part("here.md", 0), part("old.md", 8));
    // It was wanted when the program was killed, and has come in another way since.
    let journals = state.join("p2p-ci/downloads");
    fs::create_dir_all(&journals).unwrap();
    let journal = journals.join(hashed(mine.canonicalize().unwrap().to_str().unwrap()));
    fs::write(journal, "1700000000\tFILE here.md\twanted\n").unwrap();
    let (young, used) = (part("young.md", 6), part("used.md", 8));
    let lock = fs::File::open(&used).unwrap();
    lock.lock().unwrap();
    // A program that was killed has left it a few seconds ago.
    let abandoned = mine.join(".p2p-ci-abcdef.part");
    fs::write(&abandoned, "begun").unwrap();
    let time = SystemTime::now() - Duration::from_secs(10);
    fs::File::options().write(true).open(&abandoned).unwrap().set_modified(time).unwrap();
    let address = index.address.to_string();
    let (code, _, errors) = run_peer_again(&[&address, "--share", ".", "sync"], &state, &mine);
    assert_eq!(code, 0, "{errors}");
    let removed = [&complete, &old, &abandoned];
    assert!(!removed.iter().any(|path| path.exists()), "{:?}", names(&mine));
    assert!(young.exists() && used.exists(), "{:?}", names(&mine));
}
