//! Messages of `sync`, `get` and `status`: options that selected nothing, downloaded documents, and
//! the log line of an upload.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::common::{Index, directory, names, run_peer, run_peer_again, share};

fn sync(index: &Index, arguments: &[&str], directory: &Path) -> (i32, String, String) {
    let index = index.address.to_string();
    run_peer(&[&[&index, "--share", ".", "sync"], arguments].concat(), "", directory)
}

#[test]
fn a_selection_of_nothing_is_not_found() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("rfc7.txt", b"seven"), ("b.md", b"b")]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let nothing = "nothing to do: no other peer has registered a document\n";
    assert_eq!(sync(&index, &[], &mine).1, nothing);
    let (_a, port) = share(index.address, &a);
    for dry_run in [&["--dry-run"][..], &[]] {
        for (options, message) in [
            (&["--match", "nowhere"][..], "no title in the list matches `nowhere`"),
            (&["--from", "localhost:1"], "the index lists no document of localhost:1\n"),
            (
                &["--from", &format!("127.0.0.1:{port}")],
                &format!(
                    "of 127.0.0.1:{port}; a peer with that port is listed as localhost:{port}"
                ),
            ),
            (
                &["--from", &format!("localhost:{port}"), "--match", "nowhere"],
                &format!("no title of localhost:{port} in the list matches `nowhere`"),
            ),
        ] {
            let (code, output, errors) = sync(&index, &[dry_run, options].concat(), &mine);
            assert_eq!((code, output.as_str()), (66, ""), "{options:?} {errors}");
            assert!(errors.contains(message), "{options:?} {errors}");
        }
    }
    let address = index.address.to_string();
    let json = [&address, "--share", ".", "--format", "json", "sync", "--match", "nowhere"];
    let (code, output, _) = run_peer(&json, "", &mine);
    assert!(code == 66 && output.contains("\"exit\":66"), "{output}");
    assert!(names(&mine).is_empty());
    let last = |options: &[&str]| {
        let start = [&address, "--share", ".", "--format", "json", "sync"];
        let (_, output, errors) = run_peer(&[&start, options].concat(), "", &mine);
        let last = output.lines().last().unwrap_or_else(|| panic!("no object: {errors}"));
        serde_json::from_str::<serde_json::Value>(last).unwrap()
    };
    let planned = last(&["--dry-run"]);
    assert!(planned["documents"].as_u64() > Some(0), "{planned}");

    assert_eq!(sync(&index, &[], &mine).0, 0);
    let here = "nothing to do: all that these options select is here\n";
    assert_eq!(sync(&index, &["--match", "b.md"], &mine).1, here);
    let (code, output, errors) = sync(&index, &["--dry-run"], &mine);
    assert_eq!((code, output.as_str()), (0, ""));
    assert!(errors.contains("nothing to do: all that the index knows is here"), "{errors}");
    for options in [&[][..], &["--dry-run"]] {
        assert_eq!(last(options)["documents"], 0, "{options:?}");
    }
}

/// Runs a command in the shared directory itself.
fn run_in_directory(
    index: &Index,
    arguments: &[&str],
    state: &Path,
    mine: &Path,
) -> (i32, String, String) {
    let address = index.address.to_string();
    run_peer_again(&[&[address.as_str(), "--share", "."], arguments].concat(), state, mine)
}

#[test]
fn documents_that_came_are_named_as_new_changed_or_unchanged() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("a.md", b"a"), ("b.md", b"b"), ("c.md", b"c")]);
    let (mine, state) = (directory(root.path(), "mine", &[]), directory(root.path(), "state", &[]));
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let run = |arguments: &[&str]| run_in_directory(&index, arguments, &state, &mine).1;
    let lines = |output: String| {
        let mut lines: Vec<String> = output.lines().map(str::to_string).collect();
        let summary = lines.pop().unwrap();
        lines.sort();
        (lines, summary)
    };
    assert_eq!(run(&["get", "a.md", "b.md"]).matches(", new, saved as ./").count(), 2);
    fs::write(a.join("a.md"), "another a").unwrap();
    index.wait_for_digests("FILE a.md", 1);
    for name in ["a.md", "b.md"] {
        fs::remove_file(mine.join(name)).unwrap();
    }
    let (documents, summary) = lines(run(&["sync"]));
    assert!(summary.starts_with("3 of 3 documents fetched"), "{summary}");
    for (line, (name, change)) in
        documents.iter().zip([("a.md", "changed"), ("b.md", "unchanged"), ("c.md", "new")])
    {
        assert!(line.starts_with(&format!("FILE {name}: ")), "{documents:?}");
        assert!(line.ends_with(&format!(", {change}, saved as ./{name}")), "{documents:?}");
    }
    fs::write(a.join("b.md"), "another b").unwrap();
    for (name, change) in [("b.md", "changed"), ("c.md", "unchanged")] {
        let output = run(&["--format", "json", "get", "--force", name]);
        assert!(output.contains(&format!("\"change\":\"{change}\"")), "{output}");
    }
}

/// The local file is compared, and not its entry in the journal.
#[test]
fn an_edited_file_is_repaired_and_named_as_changed() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("a.md", b"a"), ("b.md", b"b"), ("rfc7.txt", b"seven")]);
    let (mine, state) = (directory(root.path(), "mine", &[]), directory(root.path(), "state", &[]));
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let run = |arguments: &[&str]| run_in_directory(&index, arguments, &state, &mine);
    assert_eq!(run(&["get", "a.md", "b.md", "7"]).0, 0);
    for documents in [&["a.md"][..], &["7"], &["a.md", "7", "b.md"]] {
        for name in ["a.md", "rfc7.txt"] {
            fs::write(mine.join(name), "edited").unwrap();
        }
        let (code, output, errors) = run(&[&["get", "--force"], documents].concat());
        let changed = documents.iter().filter(|name| **name != "b.md").count();
        assert_eq!(
            (code, output.matches(", changed, saved as ").count()),
            (0, changed),
            "{output} {errors}"
        );
        assert_eq!(output.matches(", unchanged, ").count(), documents.len() - changed, "{output}");
        if documents.contains(&"a.md") {
            assert_eq!(fs::read_to_string(mine.join("a.md")).unwrap(), "a");
        }
        if documents.contains(&"7") {
            assert_eq!(fs::read_to_string(mine.join("rfc7.txt")).unwrap(), "seven");
        }
    }
    // Without changes the bytes are the same.
    let (_, output, _) = run(&["get", "--force", "b.md"]);
    assert!(output.contains(", unchanged, saved as "), "{output}");
}

/// Bytes that were read together with the head of a reply were not counted.
#[test]
fn the_summary_counts_all_bytes_that_came() {
    let root = tempfile::tempdir().unwrap();
    let bytes = [7; 300];
    let a = directory(root.path(), "a", &[("a.md", &bytes), ("b.md", &bytes), ("c.md", &bytes)]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let (_, output, errors) = sync(&index, &[], &mine);
    assert!(output.contains("3 of 3 documents fetched, 900 bytes, "), "{output} {errors}");
}

#[test]
fn a_single_status_shows_no_address_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let (code, output, _) = run_peer(&[&address, "status"], "", root.path());
    assert!(code == 0 && output.contains("known there as  not registered\n"), "{output}");
    let (_, output, _) = run_peer(&[&address, "--format", "json", "status"], "", root.path());
    assert!(output.contains("\"own\":null"), "{output}");
    let session = ["--upload", "127.0.0.1:0", "--share", "."];
    let (_, output, _) =
        run_peer(&[&[address.as_str()], &session[..]].concat(), "status\n", root.path());
    assert!(output.contains("known there as  localhost:"), "{output}");
}

#[test]
fn the_log_names_ended_uploads_and_their_ends() {
    let root = tempfile::tempdir().unwrap();
    let large = vec![7; 32 * 1024 * 1024];
    let a = directory(root.path(), "a", &[("a b.md", b"12345"), ("large", &large)]);
    let index = Index::start(&[]);
    let (program, port) = share(index.address, &a);
    let get = |name: &str, headers: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n{headers}\r\n").unwrap();
        stream
    };
    get("a%20b.md", "").read_to_end(&mut Vec::new()).unwrap();
    program.error_with("GET FILE a b.md: 5 of 5 bytes, complete");
    get("a%20b.md", "Range: bytes=1-2\r\n").read_to_end(&mut Vec::new()).unwrap();
    program.error_with("GET FILE a b.md: 2 of 5 bytes, the requested part");
    let mut reader = get("large", "");
    reader.read_exact(&mut [0; 100]).unwrap();
    drop(reader);
    let line = program.error_with("GET FILE large: upload ended after ");
    assert!(line.contains(" of 33554432 bytes: "), "{line}");
}

#[test]
fn after_a_400_the_other_kind_of_program_is_named() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("rfc7.txt", b"seven")]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    let peer = format!("127.0.0.1:{port}");
    let is_peer = format!("reply of a peer's upload server: is {peer} an index server?");
    for command in
        [&["list"][..], &["lookup", "7"], &["search", "x"], &["get", "7"], &["sync"], &["peers"]]
    {
        let (code, _, errors) = run_peer(&[&[&peer, "--share", "."], command].concat(), "", &mine);
        assert_eq!((code, errors.matches(&is_peer).count()), (76, 1), "{command:?} {errors}");
    }
    let session = [&peer, "--share", "../a", "--upload", "127.0.0.1:0"];
    let (_, _, errors) = run_peer(&session, "", &mine);
    assert_eq!(errors.matches(&is_peer).count(), 1, "{errors}");

    let address = index.address.to_string();
    let is_index = format!("reply of an index server: is {address} a peer?");
    for documents in [&["7"][..], &["7", "8"]] {
        let get = [&[&address, "--share", ".", "get", "--from", &address], documents].concat();
        let (code, _, errors) = run_peer(&get, "", &mine);
        assert!(code != 0 && errors.matches(&is_index).count() == 1, "{errors}");
    }
    // A refusal of another kind says nothing of that.
    let get = [&address, "--share", ".", "get", "--from", &peer, "8"];
    let (code, _, errors) = run_peer(&get, "", &mine);
    assert!(code == 66 && !errors.contains("an index server:"), "{errors}");
}
