//! A fault at each system call of a download, and a kill at any moment of one (protocol.md section
//! 5.6).

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer, command, peer_command};

/// The calls that a download makes of files and connections.
const CALLS: [&str; 16] = [
    "openat",
    "write",
    "pwrite64",
    "read",
    "recvfrom",
    "sendto",
    "connect",
    "fsync",
    "ftruncate",
    "linkat",
    "link",
    "unlink",
    "rename",
    "lseek",
    "flock",
    "mkdir",
];

const ERRORS: [&str; 3] = ["EIO", "ENOSPC", "EINTR"];

/// The allowed files in a directory after a failed download: old files unchanged, the new
/// one complete or absent, and part files that can be resumed.
fn is_sound(directory: &Path, document: &[u8]) -> io::Result<bool> {
    let mut is_sound = fs::read(directory.join("old.md"))? == b"as it was";
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        is_sound &= match name.as_str() {
            "old.md" | ".state" => true,
            "big.bin" => fs::read(directory.join(name))? == document,
            // A temporary file that a kill has left is removed by a later download.
            _ => name.starts_with('.') && name.ends_with(".part"),
        };
    }
    Ok(is_sound)
}

pub(super) fn faults(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let root = tempfile::tempdir()?;
    let shared = root.path().join("shared");
    fs::create_dir(&shared)?;
    // Large enough for segments.
    let document: Vec<u8> = (0..9_000_000_u32).map(|at| (at.wrapping_mul(31) >> 3) as u8).collect();
    fs::write(shared.join("big.bin"), &document)?;
    fs::write(shared.join("small.md"), &document[..100_000])?;
    let index = Index::with(&["--log", "quiet"])?;
    let peer = Peer::share(index.address, &shared, &[])?;
    let from = peer.upload.to_string();
    let directory = |name: &str| -> io::Result<std::path::PathBuf> {
        let directory = root.path().join(name);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("old.md"), "as it was")?;
        Ok(directory)
    };

    if Command::new("strace").arg("-V").output().is_ok() {
        let most = setting.size(40, 3);
        let peer = command("peer")?;
        let (mut tried, mut failed, mut broken) = (0, 0, Vec::new());
        for call in CALLS {
            for error in ERRORS {
                for nth in 1..=most {
                    let name = format!("{call}-{error}-{nth}");
                    let mine = directory(&name)?;
                    let mut strace = Command::new("strace");
                    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
                    strace.arg(format!("trace={call}")).arg("-e");
                    strace.arg(format!("inject={call}:error={error}:when={nth}"));
                    strace.arg(peer.get_program());
                    strace.args([&index.address.to_string(), "--share", ".", "get", "small.md"]);
                    strace.args(["--from", &from]);
                    strace.current_dir(&mine).env("XDG_STATE_HOME", mine.join(".state"));
                    let output = strace.env("XDG_CACHE_HOME", mine.join(".state")).output()?;
                    let errors = String::from_utf8_lossy(&output.stderr);
                    let small = mine.join("small.md");
                    let is_whole = !small.exists() || fs::read(&small)? == document[..100_000];
                    let _ = fs::remove_file(&small);
                    let is_well = !errors.contains("panicked")
                        && output.status.code() != Some(101)
                        && is_whole
                        && is_sound(&mine, &document)?;
                    if !is_well {
                        broken.push(name);
                    }
                    tried += 1;
                    failed += i32::from(!output.status.success());
                    fs::remove_dir_all(&mine)?;
                }
            }
        }
        report.figure("downloads with a fault injected", f64::from(tried), "");
        report.figure("of which have failed, and said so", f64::from(failed), "");
        report.require("faults are felt", failed > tried / 10);
        report
            .require(&format!("no panic, nothing broken {}", broken.join(", ")), broken.is_empty());
    } else {
        report.skip("strace is not installed");
    }

    let kills = setting.size(200_u32, 40);
    let mine = directory("killed")?;
    let (mut sound, mut whole) = (0, 0);
    for kill in 0..kills {
        let arguments = ["get", "big.bin", "--force", "--from", &from];
        let mut command = peer_command(&index.address.to_string(), &mine, &arguments)?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        // Spread over what a whole download takes.
        thread::sleep(Duration::from_micros(u64::from(kill * 7919 % 40_000)));
        child.kill()?;
        child.wait()?;
        sound += u32::from(is_sound(&mine, &document)?);
        whole += u32::from(mine.join("big.bin").exists());
        let _ = fs::remove_file(mine.join("big.bin"));
    }
    report.figure("downloads killed", f64::from(kills), "");
    report.figure("that had ended before", f64::from(whole), "");
    report.require("the final name is absent or complete", sound == kills);
    Ok(())
}
