//! Ctrl-C during downloads, and downloads in the background.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Index, PATIENCE, Program, directory, names, peer};
use crate::terminal::screen::Terminal;

/// A holder of one document of 6 MB that sends 400 KB per second, and a shell that shares another
/// document.
fn slow_download(root: &Path) -> Option<(Index, Program, Terminal)> {
    let bytes: Vec<u8> = (0..6_000_000u32).map(|at| at.to_le_bytes()[0]).collect();
    let shared = directory(root, "shared", &[("big.bin", &bytes)]);
    let mine = directory(root, "mine", &[("rfc90001.txt", b"own")]);
    let index = Index::start(&[]);
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "--upload-limit", "400k", "share"];
    let holder = peer(index.address, &arguments, &shared);
    index.wait_for_digests("FILE big.bin", 1);
    let terminal = Terminal::start(&index, &mine)?;
    Some((index, holder, terminal))
}

/// The room that unfinished downloads take in a directory.
fn received(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(directory).unwrap().flatten();
    let parts = entries.filter(|one| one.file_name().to_string_lossy().ends_with(".part"));
    parts.filter_map(|one| Some(one.metadata().ok()?.blocks())).sum()
}

/// Waits until more was received into a directory than before.
fn wait_for_part(directory: &Path, before: u64) {
    let begun = Instant::now();
    while received(directory) <= before {
        assert!(begun.elapsed() < PATIENCE, "nothing is received");
        thread::yield_now();
    }
}

#[test]
fn ctrl_c_cancels_a_download_and_the_session_stays() {
    let root = tempfile::tempdir().unwrap();
    let Some((index, _holder, mut terminal)) = slow_download(root.path()) else { return };
    let mine = root.path().join("mine");
    index.wait_for_digests("RFC 90001", 1);
    for command in ["get big.bin\r", "sync\r", "get big.bin 90001\r"] {
        let before = received(&mine);
        terminal.type_text(command);
        wait_for_part(&mine, before);
        terminal.type_text("\x03");
        terminal.wait_for("interrupted");
        terminal.wait_for("resumes");
        terminal.wait_for("p2p-ci> ");
    }
    // The session continues, and so does its registration.
    terminal.type_text("status\r");
    terminal.wait_for("known there as");
    terminal.wait_for("p2p-ci> ");
    index.wait_for_digests("RFC 90001", 1);
    // A single Ctrl-C later throws the line away.
    thread::sleep(Duration::from_millis(1100));
    terminal.type_text("nonsense");
    terminal.wait_for("nonsense");
    terminal.type_text("\x03");
    terminal.wait_for("p2p-ci> ");
    terminal.type_text("why big.bin\r");
    terminal.wait_for("wanted");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();
    assert!(names(&mine).iter().any(|name| name.ends_with(".part")), "{:?}", names(&mine));
}

#[test]
fn a_second_ctrl_c_within_a_second_ends_the_session_in_order() {
    // The second one comes while the command is being cancelled, or at the prompt.
    for is_at_prompt in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let Some((index, _holder, mut terminal)) = slow_download(root.path()) else { return };
        let mine = root.path().join("mine");
        index.wait_for_digests("RFC 90001", 1);
        let begun = Instant::now();
        let code = loop {
            let before = received(&mine);
            terminal.type_text("get big.bin\r");
            wait_for_part(&mine, before);
            terminal.type_text("\x03");
            if is_at_prompt {
                terminal.wait_for("interrupted");
                terminal.wait_for("p2p-ci> ");
            } else {
                // Two signals at the same moment are one.
                thread::sleep(Duration::from_millis(20));
            }
            terminal.type_text("\x03");
            // On a busy machine there may be more than a second between the two.
            match terminal.end_within(Duration::from_secs(5)) {
                Some(code) => break code,
                None => assert!(begun.elapsed() < 3 * PATIENCE, "the session does not end"),
            }
        };
        assert_eq!(code, 130);
        assert_eq!(index.list(), Vec::<String>::new());
        let history = fs::read_to_string(mine.join(".state/p2p-ci/history")).unwrap();
        assert!(history.contains("get big.bin"), "{history}");
    }
}

#[test]
fn get_waits_for_the_background_download_that_status_shows() {
    let root = tempfile::tempdir().unwrap();
    let Some((index, _holder, mut terminal)) = slow_download(root.path()) else { return };
    let mine = root.path().join("mine");
    terminal.type_text("get big.bin\r");
    wait_for_part(&mine, 0);
    terminal.type_text("\x03");
    terminal.wait_for("interrupted");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();

    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.wait_for_since_start("resuming 1 unfinished download");
    let before = received(&mine);
    wait_for_part(&mine, before);
    terminal.type_text("status\r");
    terminal.wait_for("downloading     FILE big.bin: 0 of 1 complete");
    terminal.wait_for("p2p-ci> ");
    terminal.type_text("get big.bin\r");
    terminal.wait_for("being downloaded in the background");
    terminal.type_text("\x03");
    terminal.wait_for("still being downloaded in the background");
    terminal.wait_for("p2p-ci> ");
    terminal.type_text("status\r");
    terminal.wait_for("downloading     FILE big.bin: 0 of 1 complete");
    terminal.quit();
}

/// The holders of the documents are in three networks, so `sync` looks up their digests; the bar needs the lengths.
/// A LOOKUP of the first document shows before that the index knows extensions.
#[test]
fn sync_looks_a_document_up_once() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let mut holders = Vec::new();
    for name in ["a", "b", "c"] {
        let host = format!("127.0.0.{}", holders.len() + 2);
        let shared = directory(root.path(), name, &[("rfc7.txt", b"seven"), ("rfc8.txt", b"8")]);
        let upload = format!("{host}:0");
        let arguments = ["--share", ".", "--upload", &upload, "--host", &host, "share"];
        holders.push(peer(index.address, &arguments, &shared));
        index.wait_for_digests("RFC 8", holders.len());
    }
    let mine = directory(root.path(), "mine", &[]);
    let Some(mut terminal) = Terminal::start_with(&index, &mine, "--wire sync") else { return };
    terminal.wait_for("2 of 2 documents fetched");
    assert_eq!(terminal.everything.matches("LOOKUP RFC 8 ").count(), 1, "{}", terminal.everything);
}
