//! Names that lead elsewhere, what is no file, and files that change (protocol.md section 9).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::latency::millis;
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer, peer_command};
use crate::common::talk::{Talk, status};
use p2p_ci::protocol::role::{DocumentClient, DocumentEvent, DocumentMeaning};

const SECRET: &[u8] = b"a secret that lies elsewhere";

fn get(address: SocketAddr, name: &str) -> io::Result<(Vec<u8>, Duration)> {
    let mut talk = Talk::to(address)?;
    let begun = Instant::now();
    talk.say(format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n\r\n"))?;
    let (reply, end) = talk.rest();
    Ok((reply, end - begun))
}

fn holds_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET)
}

pub(super) fn names(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let (shared, elsewhere) = (root.path().join("shared"), root.path().join("secret.md"));
    fs::create_dir(&shared)?;
    fs::write(&elsewhere, SECRET)?;
    for name in ["swap.md", "plain.md", "fifo.md", "directory.md"] {
        fs::write(shared.join(name), "plain")?;
    }
    let index = Index::with(&["--log", "quiet"])?;
    let peer = Peer::share(index.address, &shared, &[])?;
    let threads = peer.program.usage()?.threads;
    // These were files when they were announced, and are something else now.
    fs::remove_file(shared.join("fifo.md"))?;
    fs::remove_file(shared.join("directory.md"))?;
    fs::create_dir(shared.join("directory.md"))?;
    let made = Command::new("mkfifo").arg(shared.join("fifo.md")).status()?.success();
    let absolute = elsewhere.to_string_lossy().into_owned();
    let escaped = absolute.replace('/', "%2F");
    let names = [
        "../secret.md",
        "..%2Fsecret.md",
        "%2e%2e%2fsecret.md",
        "%2E%2E%2Fsecret.md",
        "..%252Fsecret.md",
        "....//secret.md",
        "..\\secret.md",
        "..%5Csecret.md",
        &absolute,
        &escaped,
        "plain.md%00.txt",
        "plain.md%2F..%2F..%2Fsecret.md",
        ".",
        "..",
        "%2e",
        "%2e%2e",
        "",
        "/",
        "%2F",
        "~%2Fsecret.md",
        "fifo.md",
        "directory.md",
        "%ff%fe",
        "%",
        "%2",
        "%zz",
        "dev%2Fnull",
        "%2Fdev%2Fzero",
        "%2Fproc%2Fself%2Fmem",
        "CON",
        "plain.md ",
    ];
    let (mut leaked, mut longest, mut found) = (0, Duration::ZERO, 0);
    for name in names {
        let (reply, time) = get(peer.upload, name)?;
        leaked += usize::from(holds_secret(&reply));
        found += usize::from(status(&String::from_utf8_lossy(&reply)) == "200");
        longest = longest.max(time);
    }
    report.require("a FIFO was made", made);
    report.figure("names that lead elsewhere", names.len() as f64, "");
    report.figure("the longest reply", millis(longest), "ms");
    report.require_time("404 or 400 within 100 ms", longest < Duration::from_millis(100));
    // A blank after a name is one between words.
    report.require("nothing outside the directory is read", leaked == 0 && found <= 1);

    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, swapped, target) = (Arc::clone(&stop), shared.join("swap.md"), elsewhere.clone());
    let swapping = thread::spawn(move || -> io::Result<u32> {
        let replacement = swapped.with_extension("new");
        let mut swaps = 0;
        while !stopped.load(Ordering::Relaxed) {
            symlink(&target, &replacement)?;
            fs::rename(&replacement, &swapped)?;
            fs::write(&replacement, "plain")?;
            fs::rename(&replacement, &swapped)?;
            swaps += 2;
        }
        Ok(swaps)
    });
    let (mut leaked, mut served) = (0, 0);
    for _ in 0..setting.size(20_000, 2_000) {
        let (reply, _) = get(peer.upload, "swap.md")?;
        leaked += usize::from(holds_secret(&reply));
        served += usize::from(reply.ends_with(b"plain"));
    }
    stop.store(true, Ordering::Relaxed);
    let swaps = swapping.join().map_err(|_| io::Error::other("a panic"))??;
    report.figure("swaps of a file with a link while serving", f64::from(swaps), "");
    report.figure("replies with the file", served as f64, "");
    report.require("never what the link leads to", leaked == 0);
    thread::sleep(Duration::from_millis(700));
    let now = peer.program.usage()?.threads;
    report.require("no stuck thread", now <= threads);
    saving(&peer, index.address, root.path(), report)
}

/// Links in the place of what a download is to become.
fn saving(
    peer: &Peer,
    index: SocketAddr,
    root: &std::path::Path,
    report: &mut Report,
) -> io::Result<()> {
    let (mine, victim) = (root.join("mine"), root.join("victim.md"));
    fs::create_dir(&mine)?;
    fs::write(&victim, "the victim's")?;
    symlink(&victim, mine.join("plain.md"))?;
    symlink(root, mine.join("sub"))?;
    let from = peer.upload.to_string();
    for arguments in [
        &["get", "plain.md", "--from", &from][..],
        &["get", "plain.md", "--force", "--from", &from],
        &["get", "sub%2Fvictim.md", "--force", "--from", &from],
        &["get", "..%2Fvictim.md", "--force", "--from", &from],
    ] {
        peer_command(&index.to_string(), &mine, arguments)?.output()?;
    }
    report.require("nothing outside the directory is written", {
        fs::read(&victim)? == b"the victim's"
    });
    Ok(())
}

/// Changes a file.
type Change = fn(&std::path::Path) -> io::Result<()>;

pub(super) fn changes(_: &Setting, report: &mut Report) -> io::Result<()> {
    const LENGTH: usize = 8_000_000;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("document.bin");
    let ways: [(&str, Change); 4] = [
        ("overwritten", |path| fs::write(path, vec![9; LENGTH])),
        ("a byte changed in place", |path| {
            use std::os::unix::fs::FileExt;
            OpenOptions::new().write(true).open(path)?.write_all_at(b"x", 7_900_000)
        }),
        ("cut short", |path| OpenOptions::new().write(true).open(path)?.set_len(5_000_000)),
        ("longer", |path| OpenOptions::new().append(true).open(path)?.write_all(&[9; 1000])),
    ];
    let index = Index::with(&["--log", "quiet"])?;
    for (way, change) in ways {
        fs::write(&path, vec![7; LENGTH])?;
        let peer = Peer::share(index.address, directory.path(), &["--upload-limit", "8M"])?;
        let mut talk = Talk::to(peer.upload)?;
        talk.say("GET FILE document.bin P2P-CI/1.0\r\nHost: h\r\nWant-Digest: sha-256\r\n\r\n")?;
        thread::sleep(Duration::from_millis(300));
        change(&path)?;
        let (reply, _) = talk.rest();
        let mut role = DocumentClient::new();
        role.expect_reply();
        let Some(DocumentEvent { used: head, meaning: DocumentMeaning::Head(found), .. }) =
            role.next(&reply)
        else {
            return Err(io::Error::other("a reply without a head"));
        };
        let has_digest = found.digest.is_some();
        report.require(&format!("{way}: a digest was sent"), has_digest);
        report.require(&format!("{way}: the connection is cut"), reply.len() - head < LENGTH);
        report.require(&format!("{way}: it is logged"), peer.program.says("upload ended "));
    }
    Ok(())
}
