//! Part files: many holders that each announce another version and send a part of it (protocol.md
//! section 7).

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, peer_command};
use crate::common::talk::Talk;

/// Bytes that each holder sends of each version.
const SENT: usize = 1_000_000;

/// A holder with a version of its own for each request.
fn dishonest(number: u32, length: u64) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for (request, mut stream) in (0u32..).zip(listener.incoming().map_while(Result::ok)) {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let length = length + u64::from(request);
                let head = format!(
                    "P2P-CI/1.0 200 OK\r\nContent-Length: {length}\r\n\
                     Digest: sha-256={number:032x}{request:032x}\r\n\r\n"
                );
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&vec![b'x'; SENT]);
            });
        }
    });
    Ok(port)
}

/// Part files and their bytes.
fn parts(directory: &Path) -> io::Result<(usize, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_part = entry.file_name().to_string_lossy().ends_with(".part");
        if let (true, Ok(metadata)) = (is_part, entry.metadata()) {
            count += 1;
            bytes += std::os::unix::fs::MetadataExt::blocks(&metadata) * 512;
        }
    }
    Ok((count, bytes))
}

fn start(index: &Index, directory: &Path, command: &[&str]) -> io::Result<Child> {
    let mut command = peer_command(&index.address.to_string(), directory, command)?;
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// Waits for programs and returns the largest number of part files, and of their bytes.
fn watch(mut programs: Vec<Child>, directory: &Path) -> io::Result<(usize, u64)> {
    let begun = Instant::now();
    let mut most = (0, 0);
    while !programs.is_empty() {
        let (count, bytes) = parts(directory)?;
        most = (most.0.max(count), most.1.max(bytes));
        programs.retain_mut(|program| matches!(program.try_wait(), Ok(None)));
        if begun.elapsed() > Duration::from_secs(300) {
            for program in &mut programs {
                program.kill()?;
                program.wait()?;
            }
            return Err(io::Error::other("a download does not end"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(most)
}

/// Many versions of one document, and of many; two processes; a killed one.
#[allow(clippy::cast_precision_loss, reason = "figures of a report")]
pub(super) fn parts_of_dishonest_holders(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let dishonest_holders = setting.size(200, 30);
    for (length, command) in
        [(2_000_000, "get"), (9_000_000, "get"), (2_000_000, "sync"), (9_000_000, "sync")]
    {
        let mine = root.path().join(format!("{command}-{length}"));
        fs::create_dir(&mine)?;
        let index = Index::with(&["--log", "quiet"])?;
        let mut records = Vec::new();
        for number in 0..dishonest_holders {
            let mut talk = Talk::to(index.address)?;
            add(&mut talk, "a.bin", dishonest(number, length)?)?;
            records.push(talk);
        }
        let arguments = if command == "get" { &["get", "a.bin"][..] } else { &["sync"] };
        let (count, bytes) = watch(vec![start(&index, &mine, arguments)?], &mine)?;
        let what = format!(
            "{command} of {length} bytes from {dishonest_holders} dishonest holders: part files"
        );
        report.figure(&what, count as f64, "");
        report.require("few part files at a time", count <= 6 && bytes <= 6 * SENT as u64);
        report.require("and none in the end", parts(&mine)?.0 == 0);
    }

    let mine = root.path().join("many");
    fs::create_dir(&mine)?;
    let index = Index::with(&["--log", "quiet"])?;
    let mut records = Vec::new();
    let documents = setting.size(100, 12);
    for number in 0..3 {
        let (mut talk, port) = (Talk::to(index.address)?, dishonest(number, 2_000_000)?);
        for document in 0..documents {
            add(&mut talk, &format!("a{document}.bin"), port)?;
        }
        records.push(talk);
    }
    let mut killed = start(&index, &mine, &["sync"])?;
    let begun = Instant::now();
    while parts(&mine)?.0 < 4 && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(5));
    }
    killed.kill()?;
    killed.wait()?;
    let both = vec![start(&index, &mine, &["sync"])?, start(&index, &mine, &["sync"])?];
    let (count, _) = watch(both, &mine)?;
    report.figure("sync of many documents: part files", count as f64, "");
    report.require("few for each document", count <= documents as usize * 6);
    let is_part = |name: &str| name.ends_with(".part") && !name.starts_with(".p2p-ci-");
    let left = fs::read_dir(&mine)?.map_while(Result::ok);
    let left = left.filter(|entry| is_part(&entry.file_name().to_string_lossy())).count();
    report.require("none of documents that were given up", left == 0);
    Ok(())
}

fn add(talk: &mut Talk, name: &str, port: u16) -> io::Result<()> {
    talk.ask(format!(
        "ADD FILE {name} P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: {port}\r\nTitle: {name}\r\n\r\n"
    ))
    .map(drop)
}
