//! Many documents: names that collide, bait, part files of dishonest holders, several processes (protocol.md
//! sections 7 and 9).

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer, peer_command};
use crate::common::talk::Talk;

fn add(talk: &mut Talk, name: &str, port: u16) -> io::Result<()> {
    talk.ask(format!(
        "ADD FILE {name} P2P-CI/1.0\r\nHost: 127.0.0.1\r\nPort: {port}\r\nTitle: {name}\r\n\r\n"
    ))
    .map(drop)
}

/// The names in a directory that are not the test's own.
fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name != ".state");
    names.sort();
    Ok(names)
}

fn sync(index: &Index, directory: &Path) -> io::Result<Child> {
    let mut command = peer_command(&index.address.to_string(), directory, &["sync"])?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// A holder that answers every GET with this head, and then sends pieces until it is left.
fn holder(head: fn(u64) -> String, piece: usize, pieces: u64, pause: Duration) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for (count, mut stream) in (0..).zip(listener.incoming().map_while(Result::ok)) {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let mut outcome = stream.write_all(head(count).as_bytes());
                for _ in 0..pieces {
                    if outcome.is_err() {
                        return;
                    }
                    outcome = stream.write_all(&vec![b'x'; piece]);
                    thread::sleep(pause);
                }
            });
        }
    });
    Ok(port)
}

/// Records whose names have a meaning in a shared directory, or need each other's paths.
pub(super) fn squat(_: &Setting, report: &mut Report) -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let (shared, mine) = (root.path().join("shared"), root.path().join("mine"));
    fs::create_dir(&shared)?;
    fs::create_dir(&mine)?;
    fs::write(shared.join("rfc7.txt"), "seven")?;
    fs::write(shared.join("a.md"), "a")?;
    let index = Index::with(&["--log", "quiet"])?;
    let peer = Peer::share(index.address, &shared, &[])?;
    let mut dishonest = Talk::to(index.address)?;
    let special = [
        "rfc7.txt%2Fx",
        "RFC7.TXT%2Fx",
        "rfc-index.txt",
        "rfc-index.txt.gz%2Fx",
        "handed-over",
        "Handed-Over%2Fx",
        ".p2pciignore",
    ];
    for name in special {
        add(&mut dishonest, name, peer.upload.port())?;
    }
    let mut dry = peer_command(&index.address.to_string(), &mine, &["sync", "--dry-run"])?;
    let dry = dry.output()?;
    let listed = String::from_utf8_lossy(&dry.stdout).into_owned();
    report.require("a dry run changes nothing", names(&mine)?.is_empty());
    report.require("and lists what would be fetched", listed == "RFC 7\nFILE a.md\n");
    let output = sync(&index, &mine)?.wait_with_output()?;
    report.require("the sync succeeds", output.status.success());
    report.require("RFC 7 is here, and nothing else", names(&mine)? == ["a.md", "rfc7.txt"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    report.require("a reason is given", errors.contains("special meaning"));
    Ok(())
}

/// Documents at 1.2 KB/s, and some that grow by a byte per attempt.
pub(super) fn bait(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let (shared, mine) = (root.path().join("shared"), root.path().join("mine"));
    fs::create_dir(&shared)?;
    fs::create_dir(&mine)?;
    let honest = setting.size(500, 100);
    for number in 0..honest {
        fs::write(shared.join(format!("z{number}.md")), format!("document {number}"))?;
    }
    let index = Index::with(&["--log", "quiet"])?;
    let _peer = Peer::share(index.address, &shared, &[])?;
    let slow = holder(
        |_| "P2P-CI/1.0 200 OK\r\nContent-Length: 9000000000\r\n\r\n".into(),
        300,
        u64::MAX,
        Duration::from_millis(250),
    )?;
    let mut dishonest = Talk::to(index.address)?;
    for number in 0..setting.size(30, 10) {
        add(&mut dishonest, &format!("a{number}.bin"), slow)?;
    }
    let begun = Instant::now();
    let mut child = sync(&index, &mine)?;
    let is_whole = || (0..honest).all(|number| mine.join(format!("z{number}.md")).exists());
    while !is_whole() && begun.elapsed() < Duration::from_secs(100) {
        thread::sleep(Duration::from_millis(50));
    }
    report.figure("until all honest documents were here", begun.elapsed().as_secs_f64(), "s");
    report.require("bait does not keep the others", is_whole());
    child.kill()?;
    child.wait()?;

    // The same at many endpoints of the honest holder's address.
    let endpoints: u32 = setting.size(200, 40);
    let index = Index::with(&["--log", "quiet"])?;
    let _peer = Peer::share(index.address, &shared, &[])?;
    let mut dishonest = Talk::to(index.address)?;
    for endpoint in 0..endpoints {
        let slow = holder(
            |_| "P2P-CI/1.0 200 OK\r\nContent-Length: 9000000000\r\n\r\n".into(),
            300,
            u64::MAX,
            Duration::from_millis(250),
        )?;
        for number in 0..5 {
            add(&mut dishonest, &format!("b{endpoint}-{number}.bin"), slow)?;
        }
    }
    let mine = root.path().join("endpoints");
    fs::create_dir(&mine)?;
    let begun = Instant::now();
    let mut child = sync(&index, &mine)?;
    let is_whole = || (0..honest).all(|number| mine.join(format!("z{number}.md")).exists());
    while !is_whole() && begun.elapsed() < Duration::from_secs(100) {
        thread::sleep(Duration::from_millis(50));
    }
    report.figure("endpoints of one party with bait", f64::from(endpoints), "");
    report.figure("until all honest documents were here", begun.elapsed().as_secs_f64(), "s");
    report.require("they do not keep the others", is_whole());
    report.require_time("in time", begun.elapsed() < Duration::from_secs(20));
    child.kill()?;
    child.wait()?;

    let grows = holder(
        |count| {
            let length = 1000 + count;
            let digest = "ab".repeat(32);
            format!(
                "P2P-CI/1.0 200 OK\r\nContent-Length: {}\r\nDigest: sha-256={digest}\r\n\r\n",
                length + 1
            )
        },
        1000,
        1,
        Duration::ZERO,
    )?;
    let index = Index::with(&["--log", "quiet"])?;
    let mut dishonest = Talk::to(index.address)?;
    add(&mut dishonest, "grows.md", grows)?;
    let mine = root.path().join("grown");
    fs::create_dir(&mine)?;
    let begun = Instant::now();
    let mut child = sync(&index, &mine)?;
    while child.try_wait()?.is_none() && begun.elapsed() < Duration::from_secs(120) {
        thread::sleep(Duration::from_millis(50));
    }
    report.figure("until a growing document was given up", begun.elapsed().as_secs_f64(), "s");
    report.require("growth is no progress", child.try_wait()?.is_some());
    let _ = child.kill();
    child.wait()?;
    report.require("nothing is left of it", names(&mine)?.is_empty());
    Ok(())
}

/// Three processes download into one directory.
pub(super) fn processes(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let (shared, mine) = (root.path().join("shared"), root.path().join("mine"));
    fs::create_dir(&shared)?;
    fs::create_dir(&mine)?;
    let large: Vec<u8> = (0..20_000_000_u32).map(|at| (at.wrapping_mul(31) >> 3) as u8).collect();
    fs::write(shared.join("big.bin"), &large)?;
    for number in 0..50 {
        fs::write(shared.join(format!("s{number}.md")), vec![b's'; 1000 + number])?;
    }
    let index = Index::with(&["--log", "quiet"])?;
    let _peer = Peer::share(index.address, &shared, &[])?;
    // The digest of the large document is computed in the background.
    thread::sleep(Duration::from_secs(3));
    let (mut sound, rounds) = (true, setting.size(20, 3));
    for _ in 0..rounds {
        let all = [sync(&index, &mine)?, sync(&index, &mine)?, sync(&index, &mine)?];
        for child in all {
            let output = child.wait_with_output()?;
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            sound &= output.status.success() && !errors.contains("panicked");
            sound &= !errors.contains("no holder delivered");
        }
        sound &= names(&mine)? == names(&shared)?;
        sound &= fs::read(mine.join("big.bin"))? == large;
        for name in names(&mine)? {
            fs::remove_file(mine.join(name))?;
        }
    }
    report.figure("rounds of three processes", f64::from(rounds), "");
    report.require("right bytes, no blame, no part file left", sound);
    Ok(())
}
