//! Many documents, large documents, several holders, and what breaks meanwhile.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use crate::common::{
    Index, Program, directory, names, peer, run_peer, run_peer_again, run_peer_with_input, share,
};

const LARGE: usize = 12 * 1024 * 1024 + 7;

fn large() -> Vec<u8> {
    (0..LARGE).map(|at| (at * 31 % 251).to_le_bytes()[0]).collect()
}

fn sync(index: &Index, arguments: &[&str], directory: &Path) -> (i32, String, String) {
    let index = index.address.to_string();
    let arguments = [&[&index, "--share", ".", "sync"], arguments].concat();
    run_peer(&arguments, "", directory)
}

#[test]
fn commands_that_download_nothing_create_no_journal() {
    let root = tempfile::tempdir().unwrap();
    let theirs = directory(root.path(), "theirs", &[("rfc7.txt", b"seven")]);
    let mine = directory(root.path(), "mine", &[("rfc8.txt", b"eight")]);
    let index = Index::start(&[]);
    let _theirs = share(index.address, &theirs);
    let state = root.path().join("state");
    let run = |words: &[&str]| {
        let address = index.address.to_string();
        let arguments = [&[&*address, "--share", "."], words].concat();
        run_peer_with_input(&arguments, "", &state, &mine)
    };
    for words in [&["sync", "--dry-run"][..], &["docs"], &["verify"], &["why", "8"], &["read", "8"]]
    {
        let (_, _, errors) = run(words);
        assert!(!state.join("p2p-ci/downloads").exists(), "{words:?}: {errors}");
        let changes_nothing = words.contains(&"--dry-run");
        assert!(!changes_nothing || !state.join("p2p-ci").exists(), "{words:?}: {errors}");
    }
    let (code, _, errors) = run(&["sync"]);
    assert_eq!(code, 0, "{errors}");
    assert!(state.join("p2p-ci/downloads").exists());
}

#[test]
fn sync_downloads_missing_documents_and_then_has_nothing_to_do() {
    let root = tempfile::tempdir().unwrap();
    let page = b"Network Working Group\nRequest for Comments: 7\n\n\n   Seventh\n\nText".as_slice();
    let a = directory(root.path(), "a", &[("rfc7.txt", page), ("a b.md", b"both"), ("a.md", b"a")]);
    let b = directory(root.path(), "b", &[("a b.md", b"both"), ("rfc8.txt", b"eight")]);
    let mine = directory(root.path(), "mine", &[("rfc8.txt", b"my own eight")]);
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    let (_b, _) = share(index.address, &b);

    let (code, output, _) = sync(&index, &["--dry-run"], &mine);
    assert_eq!((code, output.as_str()), (0, "RFC 7\nFILE a%20b.md\nFILE a.md\n"));
    let (code, output, _) = sync(&index, &["--dry-run", "--match", "SEVEN"], &mine);
    assert_eq!((code, output.as_str()), (0, "RFC 7\n"));
    let from = format!("localhost:{port}");
    let (code, output, _) = sync(&index, &["--dry-run", "--from", &from], &mine);
    assert_eq!((code, output.lines().count()), (0, 3));
    assert_eq!(names(&mine), ["rfc8.txt"]);

    let (code, output, errors) = sync(&index, &[], &mine);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("\n3 of 3 documents fetched"), "{output}");
    assert_eq!(names(&mine), ["a b.md", "a.md", "rfc7.txt", "rfc8.txt"]);
    assert_eq!(fs::read(mine.join("rfc7.txt")).unwrap(), page);
    assert_eq!(fs::read(mine.join("rfc8.txt")).unwrap(), b"my own eight");
    let (code, output, _) = sync(&index, &[], &mine);
    assert_eq!((code, output.as_str()), (0, "nothing to do: all that the index knows is here\n"));
}

#[test]
fn sync_reports_failed_documents_and_downloads_the_rest() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("rfc7.txt", b"seven")]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    // A record names a document that the peer does not have.
    let mut talk = index.connect();
    talk.add(9, "Nine", "localhost", port);
    let (code, output, errors) = sync(&index, &[], &mine);
    assert_eq!(code, 66, "{errors}");
    assert!(output.contains("\n1 of 2 documents fetched"), "{output}");
    assert!(errors.contains("no holder delivered RFC 9"), "{errors}");
    assert!(errors.contains("it answered 404 Not Found"), "{errors}");
    assert_eq!(names(&mine), ["rfc7.txt"]);
}

#[test]
fn a_session_shares_downloaded_documents() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("rfc7.txt", b"seven"), ("x.md", b"x")]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let mut session = peer(index.address, &["--share", ".", "--upload", "127.0.0.1:0"], &mine);
    session.line();
    session.line();
    session.type_line("sync");
    let lines = [session.line(), session.line(), session.line()];
    assert!(lines[2].starts_with("2 of 2 documents fetched"), "{lines:?}");
    assert_eq!(index.list().len(), 2);
    assert!(session.end_input().success());
}

/// Whether it comes in one go or in segments, alone or as one of many.
#[test]
fn a_document_keeps_the_time_at_which_it_changed() {
    let root = tempfile::tempdir().unwrap();
    let large = large();
    let shared = directory(root.path(), "shared", &[("big.bin", &large), ("small.md", b"small")]);
    let time = UNIX_EPOCH + Duration::from_secs(784_111_777);
    for name in ["big.bin", "small.md"] {
        fs::File::options()
            .write(true)
            .open(shared.join(name))
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    let index = Index::start(&[]);
    let (_holder, _) = share(index.address, &shared);
    index.wait_for_digests("FILE big.bin", 1);
    let address = index.address.to_string();
    let (one, many) = (directory(root.path(), "one", &[]), directory(root.path(), "many", &[]));
    for name in ["big.bin", "small.md"] {
        let (code, _, errors) = run_peer(&[&address, "--share", ".", "get", name], "", &one);
        assert_eq!(code, 0, "{errors}");
    }
    assert_eq!(sync(&index, &[], &many).0, 0);
    for path in [&one, &many].into_iter().flat_map(|f| [f.join("big.bin"), f.join("small.md")]) {
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time, "{}", path.display());
    }
}

#[test]
fn a_large_document_comes_from_several_holders() {
    let root = tempfile::tempdir().unwrap();
    let document = large();
    let index = Index::start(&[]);
    let start = |name: &str, limit: &str| -> Program {
        let directory = directory(root.path(), name, &[("big.bin", &document)]);
        let arguments =
            ["--share", ".", "--upload", "127.0.0.1:0", "--upload-limit", limit, "share"];
        let program = peer(index.address, &arguments, &directory);
        program.line();
        program.line();
        program
    };
    let holders = [start("a", "4M"), start("b", "4M"), start("c", "8M")];
    index.wait_for_digests("FILE big.bin", 3);
    let mine = directory(root.path(), "mine", &[]);
    let address = index.address.to_string();
    let (code, output, errors) = run_peer(&[&address, "--share", ".", "get", "big.bin"], "", &mine);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(output.matches("localhost:").count(), 3, "{output}");
    assert_eq!(names(&mine), ["big.bin"]);
    assert!(fs::read(mine.join("big.bin")).unwrap() == document);
    drop(holders);
}

#[test]
fn a_peer_that_is_killed_again_and_again_gets_there() {
    const KILLS: u64 = 50;
    let root = tempfile::tempdir().unwrap();
    let document = large();
    let honest = directory(root.path(), "honest", &[("big.bin", &document)]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_honest, _) = share(index.address, &honest);
    index.wait_for_digests("FILE big.bin", 1);
    let get = ["--share", ".", "--download-limit", "6M", "get", "big.bin"];
    let mut kills = 0;
    while kills < KILLS && !mine.join("big.bin").exists() {
        let mut program = peer(index.address, &get, &mine);
        // Any moment will do, and no event marks it.
        thread::sleep(Duration::from_millis(20 + kills * 37 % 120));
        program.signal("KILL");
        program.wait();
        kills += 1;
        for name in names(&mine) {
            let is_whole = || fs::read(mine.join(&name)).unwrap() == document;
            assert!(name.ends_with(".part") || is_whole(), "{name} after {kills} kills");
        }
    }
    assert!(kills > 10, "it was too fast to be killed: {kills}");
    let address = index.address.to_string();
    let (code, _, errors) = run_peer(&[&address, "--share", ".", "get", "big.bin"], "", &mine);
    assert_eq!(code, 0, "{errors}");
    assert!(fs::read(mine.join("big.bin")).unwrap() == document);
    assert_eq!(names(&mine).iter().filter(|name| name.contains("big.bin")).count(), 1);
}

#[test]
fn attempts_and_downloads_are_recorded() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("rfc7.txt", b"seven"), ("rfc9.txt", b"nine")]);
    let mine = directory(root.path(), "mine", &[]);
    let state = directory(root.path(), "state", &[]);
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    let mut talk = index.connect();
    talk.add(8, "Eight", "localhost", port);
    let address = index.address.to_string();
    let run = |arguments: &[&str]| {
        let arguments = [&[address.as_str(), "--share", "."], arguments].concat();
        run_peer_again(&arguments, &state, &mine)
    };
    assert_eq!(run(&["get"]).1, "no unfinished download: nothing to resume\n");
    let (code, output, errors) = run(&["get", "6-8", "rfc9.txt"]);
    assert_eq!(code, 66, "{errors}");
    // They come at the same time, in any order.
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 2, "{output}");
    assert!(lines[0].starts_with("RFC 7: 5 bytes from localhost:"), "{output}");
    assert!(lines[1].starts_with("RFC 9: 4 bytes from localhost:"), "{output}");
    assert!(errors.contains("no peer has RFC 6") && errors.contains("no holder delivered RFC 8"));
    assert_eq!(names(&mine), ["rfc7.txt", "rfc9.txt"]);

    let (code, output, _) = run(&["why", "8"]);
    assert_eq!(code, 0);
    for part in
        ["  wanted", &format!("localhost:{port}: it answered 404"), "  given up", "next try"]
    {
        assert!(output.contains(part), "{output}");
    }
    assert!(run(&["why", "7"]).1.contains("5 bytes, sha-256="));
    assert_eq!(run(&["why", "5"]).0, 66);

    assert_eq!(run(&["verify"]).1, "2 documents checked: 2 as downloaded\n");
    fs::write(mine.join("rfc7.txt"), "Seven").unwrap();
    fs::remove_file(mine.join("rfc9.txt")).unwrap();
    let (code, output, _) = run(&["verify", "7", "8", "9"]);
    assert_eq!(code, 65);
    for part in [
        "RFC 7: changed, now sha-256=",
        "RFC 8: was not downloaded here",
        "RFC 9: missing\n",
        "3 documents checked: 0 as downloaded, 1 changed, 1 missing, 1 not downloaded here\n",
    ] {
        assert!(output.contains(part), "{output}");
    }
}

#[test]
fn holders_are_probed() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("rfc7.txt", b"seven")]);
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut talk = index.connect();
    talk.add(7, "Seven", "localhost", gone);
    let address = index.address.to_string();
    let (code, output, errors) =
        run_peer(&[&address, "lookup", "7", "--probe", "--format", "json"], "", &a);
    assert_eq!(code, 0, "{errors}");
    let lines: Vec<serde_json::Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |port: u16| lines.iter().find(|l| l["holder"] == format!("localhost:{port}")).unwrap();
    assert_eq!((&of(gone)["answers"], &of(gone)["digest"]), (&false.into(), &().into()));
    assert_eq!((&of(port)["answers"], &of(port)["bytes"]), (&true.into(), &5.into()));
    assert_eq!(of(port)["digest"].as_str().unwrap().len(), "sha-256=".len() + 64);
    assert!(of(port)["round_trip_ms"].as_f64().unwrap() < 5000.0);
    let table = run_peer(&[&address, "lookup", "7", "--probe"], "", &a).1;
    assert!(table.contains("round trip") && table.contains("no: cannot reach it"), "{table}");
}

#[test]
fn a_session_resumes_downloads_of_a_killed_one() {
    let root = tempfile::tempdir().unwrap();
    let document = large();
    let honest = directory(root.path(), "honest", &[("big.bin", &document), ("a.md", b"a")]);
    let mine = directory(root.path(), "mine", &[]);
    let state = directory(root.path(), "state", &[]);
    let index = Index::start(&[]);
    let (_honest, _) = share(index.address, &honest);
    index.wait_for_digests("FILE big.bin", 1);
    let address = index.address.to_string();
    let start = |arguments: &[&str]| {
        let arguments = [&[&address, "--share", "."], arguments].concat();
        Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, &state, &mine)
    };
    let mut killed = start(&["--download-limit", "1M", "sync"]);
    while !names(&mine).iter().any(|name| name.ends_with(".part")) {
        thread::yield_now();
    }
    killed.signal("KILL");
    killed.wait();
    assert!(!mine.join("big.bin").exists());

    let session = start(&["--upload", "127.0.0.1:0", "share"]);
    assert!(session.error_with("resuming ").contains(" unfinished download"));
    session.error_with("FILE big.bin: 12582919 bytes downloaded");
    assert!(fs::read(mine.join("big.bin")).unwrap() == document);
    let (_, why, _) = run_peer_again(&[&address, "--share", ".", "why", "big.bin"], &state, &mine);
    assert!(why.contains("  wanted") && why.contains("  fetched from"), "{why}");
}

/// Waiting for the peer's own limit is not the fault of its holders.
#[test]
fn a_low_download_limit_only_takes_its_time() {
    let root = tempfile::tempdir().unwrap();
    let documents: Vec<(String, Vec<u8>)> =
        (1..=8u8).map(|number| (format!("rfc{number}.txt"), vec![number; 6000])).collect();
    let files: Vec<(&str, &[u8])> =
        documents.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let holders = ["a", "b"].map(|name| directory(root.path(), name, &files));
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let _holders = holders.map(|holder| share(index.address, &holder));
    let (code, output, errors) = sync(&index, &["--download-limit", "4096"], &mine);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains("\n8 of 8 documents fetched"), "{output}");
}
