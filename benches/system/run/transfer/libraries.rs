//! Whole libraries: read, registered, and fetched.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::library::{Depth, DigestCache, Library};
use p2p_ci::peer::BackgroundHasher;
use sha2::{Digest as _, Sha256};

use crate::common::programs::{Index, PATIENCE, Peer, Program, peer_command};
use crate::run::Setting;
use crate::run::anchors::{free_address, is_installed};
use crate::run::findings::Findings;
use crate::run::transfer::copies::Copies;
use crate::run::transfer::documents::Documents;
use crate::run::transfer::gets::wait_until_idle;

const SECTION: &str = "transfer, whole libraries";

/// All of a library into an empty directory, digests checked, compared with other programs that copy directories.
pub(crate) fn sync(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let documents = Documents::of(setting)?;
    let index = Index::start(None)?;
    let peer = Peer::share_quietly(index.address, &documents.directory)?;
    wait_until_idle(peer.program.id())?;
    let nginx = setting.nginx(&documents.directory, findings)?;
    let place = tempfile::tempdir()?;
    let list = place.path().join("list");
    if let Some(nginx) = nginx.first() {
        let url = |number: &u32| format!("http://{}/rfc{number}.txt\n", nginx.address);
        fs::write(&list, documents.numbers.iter().map(url).collect::<String>())?;
    }
    let rsync = if is_installed("rsync") {
        Some(rsync_daemon(&documents.directory, place.path())?)
    } else {
        findings.skip("rsync: expected `rsync` to be installed");
        None
    };
    let mut copies = Copies::new()?;
    // Each copies into the directory in which it is started.
    let mut rivals: Vec<(&str, Command)> = Vec::new();
    if !nginx.is_empty() {
        let mut wget = Command::new("wget");
        wget.args(["-q", "-i"]).arg(&list);
        let mut aria2 = Command::new("aria2c");
        aria2.args(["-q", "-j16", "-x1", "-i"]).arg(&list);
        for (name, program, command) in
            [("wget -i", "wget", wget), ("aria2c -j16 -x1", "aria2c", aria2)]
        {
            if is_installed(program) {
                rivals.push((name, command));
            } else {
                findings.skip(format!("{program}: expected it to be installed"));
            }
        }
    }
    if let Some((_, url)) = &rsync {
        let mut command = Command::new("rsync");
        command.args(["-a", url, "."]);
        rivals.push(("an rsync daemon", command));
    }

    let mut ours = Vec::new();
    let mut theirs = vec![Vec::new(); rivals.len()];
    for _ in 0..setting.rounds {
        ours.push(synced(index.address, &documents, &mut copies)?);
        for ((_, command), times) in rivals.iter_mut().zip(&mut theirs) {
            let target = copies.begin()?;
            documents.warm()?;
            times.push(timed(command.current_dir(&target))?);
            check(&target, &documents)?;
            copies.end(&target)?;
        }
    }
    let (count, size) = (documents.numbers.len(), documents.bytes / 1_000_000);
    let work = format!("sync of {count} documents, {size} MB");
    if rivals.is_empty() {
        findings.figure(SECTION, &work, &ours, "s");
    }
    for ((name, _), times) in rivals.iter().zip(&theirs) {
        findings.compared(SECTION, &work, &ours, "s", *name, times);
    }
    Ok(())
}

/// Seconds that `sync` takes into an empty directory, for a peer that has never seen these
/// documents.
pub(crate) fn synced(
    index: SocketAddr,
    documents: &Documents,
    copies: &mut Copies,
) -> io::Result<f64> {
    let (target, state) = (copies.begin()?, tempfile::tempdir()?);
    let mut command = peer_command(&index.to_string(), &target, &["sync"])?;
    command.env("XDG_STATE_HOME", state.path()).env("XDG_CACHE_HOME", state.path());
    documents.warm()?;
    let seconds = timed(&mut command)?;
    check(&target, documents)?;
    copies.end(&target)?;
    Ok(seconds)
}

fn rsync_daemon(directory: &Path, place: &Path) -> io::Result<(Program, String)> {
    let address = free_address()?;
    let file = place.join("rsyncd.conf");
    let configuration = format!(
        "use chroot = no\nport = {}\naddress = 127.0.0.1\n[library]\npath = {}\nread only = yes\n",
        address.port(),
        directory.display()
    );
    fs::write(&file, configuration)?;
    let mut command = Command::new("rsync");
    command.args(["--daemon", "--no-detach", "--config"]).arg(&file);
    let program = Program::start(command)?;
    thread::sleep(Duration::from_millis(200));
    Ok((program, format!("rsync://{address}/library/")))
}

/// Seconds that a program takes.
fn timed(command: &mut Command) -> io::Result<f64> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let output = command.output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("{command:?}: {}: {message}", output.status)));
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// Everything is there.
fn check(target: &Path, documents: &Documents) -> io::Result<()> {
    let mut bytes = 0;
    for number in &documents.numbers {
        bytes += fs::metadata(target.join(format!("rfc{number}.txt")))?.len();
    }
    if bytes == documents.bytes {
        return Ok(());
    }
    Err(io::Error::other(format!("expected {} bytes, found {bytes}", documents.bytes)))
}

/// From the start of a peer until the index has all its documents.
pub(crate) fn registering(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let documents = Documents::of(setting)?;
    let index = Index::start(None)?;
    // Digests and titles are known from here on.
    let peer = Peer::share_quietly(index.address, &documents.directory)?;
    wait_until_idle(peer.program.id())?;
    drop(peer);
    let mut times = Vec::new();
    for _ in 0..setting.rounds {
        let begun = Instant::now();
        let _peer = Peer::share_quietly(index.address, &documents.directory)?;
        times.push(begun.elapsed().as_secs_f64());
    }
    let count = documents.numbers.len();
    findings.figure(SECTION, format!("registering {count} documents, warm"), &times, "s");
    Ok(())
}

/// The digests of a library that was not read before, compared with as many threads that do nothing
/// but compute them and count.
pub(crate) fn digests(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let documents = Documents::of(setting)?;
    let place = tempfile::tempdir()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..setting.rounds {
        let library = Library::scan_quiet(&documents.directory, Depth::Directory)?;
        let paths = paths(&library.read());
        let mut bytes = 0;
        for path in &paths {
            bytes += path.metadata()?.len();
        }
        let rate = |begun: Instant| bytes as f64 / begun.elapsed().as_secs_f64() / 1e6;
        library.write().set_digests(DigestCache::load(&place.path().join(round.to_string())));
        let (left, waiting) = (Arc::new(AtomicUsize::new(paths.len())), thread::current());
        let not_done = Arc::clone(&left);
        documents.warm()?;
        let begun = Instant::now();
        // Woken once: each time would take as long as to compute a short document's digest.
        let hashing = BackgroundHasher::start(library, move |_: &_| {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                waiting.unpark();
            }
        })?;
        while not_done.load(Ordering::Relaxed) > 0 {
            if begun.elapsed() > PATIENCE {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::park_timeout(PATIENCE);
        }
        ours.push(rate(begun));
        drop(hashing);

        let begun = Instant::now();
        hash_plainly(&paths, &AtomicUsize::new(paths.len()))?;
        theirs.push(rate(begun));
    }
    let work = "SHA-256 of a library";
    findings.compared(SECTION, work, &ours, "MB/s", "sha2 on all processors", &theirs);
    Ok(())
}

/// The files of a library, in its order.
fn paths(library: &Library) -> Vec<PathBuf> {
    library.entries().map(|(_, entry)| entry.path()).collect()
}

fn hash_plainly(paths: &[PathBuf], left: &AtomicUsize) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(Ok(()));
    let work = || {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            match fs::read(path) {
                Ok(bytes) => {
                    std::hint::black_box(Sha256::digest(&bytes));
                    left.fetch_sub(1, Ordering::Relaxed);
                }
                Err(error) => {
                    if let Ok(mut failure) = failure.lock() {
                        *failure = Err(error);
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get) {
            scope.spawn(work);
        }
    });
    failure.into_inner().map_err(|_| io::Error::other("a panic"))?
}
