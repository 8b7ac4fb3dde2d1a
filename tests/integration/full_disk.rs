//! A disk that becomes full, and a directory that disappears: no incomplete file gets its final name,
//! and later downloads resume.
//!
//! The full disk is a small file system that is mounted in a namespace of its own; the test is skipped
//! where that is not allowed. It is never remounted, which an ordinary user may not do there. Instead, a
//! file that takes most of it is deleted.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::holders::holder;
use crate::common::{self, Index, Program, directory, names, peer, share};
use p2p_ci::library::Hasher;

/// Runs a script with a file system of 8 MiB at `disk`, 7 of which the file `disk/filler` takes.
/// It is gone when the script ends.
fn with_small_disk(root: &Path, script: &str, arguments: &[&str]) -> Output {
    let script = format!(
        "mount -t tmpfs -o size=8m tmpfs disk && head -c 7m /dev/zero > disk/filler || exit 99\n\
         {script}"
    );
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .args(arguments)
        .current_dir(root)
        .env("XDG_CACHE_HOME", root)
        .env("XDG_STATE_HOME", root)
        // Messages of the system are compared.
        .env("LC_ALL", "C")
        .output()
        .unwrap()
}

/// An index server, and a holder of these files, next to an empty directory `disk`. `None` if file
/// systems cannot be mounted here.
fn holder_next_to_a_disk(root: &Path, files: &[(&str, &[u8])]) -> Option<(Index, Program)> {
    directory(root, "disk", &[]);
    let shared = directory(root, "shared", files);
    if with_small_disk(root, "true", &[]).status.code() != Some(0) {
        common::skip("file systems cannot be mounted in a namespace here");
        return None;
    }
    let index = Index::start(&[]);
    let (holder, _) = share(index.address, &shared);
    Some((index, holder))
}

#[test]
fn a_full_disk_is_reported_and_the_download_resumes() {
    let root = tempfile::tempdir().unwrap();
    let documents: Vec<(String, Vec<u8>)> = (1..=30u8)
        .map(|number| (format!("rfc{number}.txt"), vec![number; 60_000 + usize::from(number)]))
        .collect();
    let files: Vec<(&str, &[u8])> =
        documents.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let Some((index, _holder)) = holder_next_to_a_disk(root.path(), &files) else { return };
    let script = r#"
        mkdir disk/mine
        "$1" "$2" --share disk/mine sync; echo "sync $?"
        ls -A disk/mine > names
        mkdir first && cp disk/mine/* first
        rm disk/filler
        "$1" "$2" --share disk/mine get 1-30; echo "get $?"
        "$1" "$2" --share disk/mine get 30; mkdir all && cp disk/mine/* all; ls -A disk/mine
    "#;
    let address = index.address.to_string();
    let output = with_small_disk(root.path(), script, &[env!("CARGO_BIN_EXE_peer"), &address]);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("sync 74\n"), "{text}\n{errors}");
    let message = "cannot save documents in `disk/mine`: RFC ";
    assert!(errors.contains(message) && errors.contains(": No space left on device"), "{errors}");
    assert!(errors.contains("free some space"), "{errors}");
    assert!(errors.contains(" not fetched, ") && !errors.contains("0 failed"), "{errors}");
    assert!(text.contains("get 0\n"), "{text}\n{errors}");
    assert!(text.contains("RFC 30 is here already"), "{text}");

    // Files with their final names are complete, before and after.
    let first = names(&root.path().join("first"));
    assert!((1..=17).contains(&first.len()), "{first:?}");
    for (directory, count) in [("first", first.len()), ("all", 30)] {
        let directory = root.path().join(directory);
        assert_eq!(names(&directory).len(), count);
        for (name, bytes) in documents.iter().filter(|(name, _)| directory.join(name).exists()) {
            assert!(fs::read(directory.join(name)).unwrap() == *bytes, "{name}");
        }
    }
    // No other file is left, except part files that a later download resumes.
    let names = fs::read_to_string(root.path().join("names")).unwrap();
    for name in names.lines() {
        assert!(name.starts_with("rfc") || name.ends_with(".part"), "{names}");
    }
}

/// A document that did not fit leaves the disk to others.
#[test]
fn a_document_that_fills_the_disk_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    // One comes from one holder, the other in segments.
    let (large, larger) = (vec![7; 3_000_000], vec![8; 12_000_000]);
    let files: [(&str, &[u8]); 3] =
        [("large.bin", &large), ("larger.bin", &larger), ("small.bin", &[9; 600_000])];
    let Some((index, _holder)) = holder_next_to_a_disk(root.path(), &files) else { return };
    let sum = |(name, bytes): (&str, &[u8])| {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        format!("{}  {name}\n", hasher.finish().to_string().replace("sha-256=", ""))
    };
    let sums = files.map(sum).concat();
    fs::write(root.path().join("sums"), sums).unwrap();
    for name in ["large.bin", "larger.bin", "small.bin"] {
        index.wait_for_digests(&format!("FILE {name}"), 1);
    }
    let script = r#"
        for name in large.bin larger.bin; do
            "$1" "$2" --share disk/new/mine get $name; echo "$name $?"; ls -A disk
        done
        "$1" "$2" --share disk get large.bin larger.bin; echo "both $?"; ls -A disk
        "$1" "$2" --share disk get --digests sums large.bin larger.bin; echo "listed $?"; ls -A disk
        "$1" "$2" --share disk get small.bin; echo "small $?"
    "#;
    let address = index.address.to_string();
    let output = with_small_disk(root.path(), script, &[env!("CARGO_BIN_EXE_peer"), &address]);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let both = "large.bin 74\nfiller\nlarger.bin 74\nfiller\nboth 74\nfiller\nlisted 74\n";
    assert!(text.starts_with(both) && text.ends_with("small 0\n"), "{text}\n{errors}");
    // Of trusted digests no more is deleted than is needed.
    assert!(errors.contains(".part` deleted"), "{errors}");
    for name in ["large.bin", "larger.bin"] {
        assert!(errors.contains(&format!("bytes of FILE {name} deleted")), "{errors}");
    }
    assert!(errors.contains("removed `disk/new/mine` again"), "{errors}");
    assert!(errors.contains("0 of 2 documents fetched; 2 cannot be saved"), "{errors}");
}

/// Documents that anybody can announce without an end do not keep the others from being downloaded.
#[test]
fn documents_without_end_yield_their_space_to_the_others() {
    let root = tempfile::tempdir().unwrap();
    let honest: Vec<String> = (10..40).map(|number| format!("honest-{number}")).collect();
    let files: Vec<(&str, &[u8])> =
        honest.iter().map(|name| (name.as_str(), &[7; 100_000][..])).collect();
    let Some((index, _holder)) = holder_next_to_a_disk(root.path(), &files) else { return };
    let endless = holder(Ipv4Addr::LOCALHOST, |stream, request| {
        let length = match request.contains("FILE aa0 ") {
            true => "Content-Length: 60000000000\r\n",
            false => "",
        };
        stream.write_all(format!("P2P-CI/1.0 200 OK\r\n{length}\r\n").as_bytes())?;
        loop {
            stream.write_all(&[b'x'; 65536])?;
        }
    });
    let _liar = index.register_files(&["aa0", "aa1", "zz0"], endless.port());
    for name in &honest {
        index.wait_for_digests(&format!("FILE {name}"), 1);
    }
    let script = r#"
        rm disk/filler && mkdir disk/mine
        "$1" "$2" --share disk/mine --download-limit 3M sync; echo "sync $?"
        cp -r disk/mine saved
    "#;
    let address = index.address.to_string();
    let output = with_small_disk(root.path(), script, &[env!("CARGO_BIN_EXE_peer"), &address]);
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("sync 74\n"), "{text}\n{errors}");
    assert_eq!(names(&root.path().join("saved")), honest, "{text}\n{errors}");
    for name in ["aa0", "aa1", "zz0"] {
        let error = format!("cannot write FILE {name}: the disk has no space for all of it");
        assert!(errors.contains(&error), "{errors}");
    }
}

#[test]
fn a_directory_that_disappears_is_reported_immediately() {
    // One comes from one holder, the other in segments.
    for length in [4, 12] {
        let root = tempfile::tempdir().unwrap();
        let document = vec![7; length * 1024 * 1024];
        let shared = directory(root.path(), "shared", &[("big.bin", &document)]);
        let mine = directory(root.path(), "mine", &[]);
        let index = Index::start(&[]);
        let (_holder, _) = share(index.address, &shared);
        index.wait_for_digests("FILE big.bin", 1);
        let arguments = ["--share", "mine", "--download-limit", "400k", "get", "big.bin"];
        let mut program = peer(index.address, &arguments, root.path());
        while !names(&mine).iter().any(|name| name.ends_with(".part")) {
            std::thread::yield_now();
        }
        fs::rename(&mine, root.path().join("elsewhere")).unwrap();
        let begun = std::time::Instant::now();
        assert_eq!(program.wait().code(), Some(74));
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        let errors = program.errors().join("\n");
        assert!(errors.contains("No such file or directory"), "{errors}");
        assert!(names(&root.path().join("elsewhere")).iter().all(|name| name.ends_with(".part")));
    }
}
