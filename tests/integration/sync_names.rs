//! Names that `sync` refuses, files that it cannot save, and directories that it creates.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use crate::common::{Index, directory, names, peer, run_peer, run_peer_again, share};

fn sync(index: &Index, arguments: &[&str], directory: &Path) -> (i32, String, String) {
    let index = index.address.to_string();
    let arguments = [&[&index, "--share", ".", "sync"], arguments].concat();
    run_peer(&arguments, "", directory)
}

#[test]
fn names_with_a_local_meaning_are_listed_and_never_saved() {
    let root = tempfile::tempdir().unwrap();
    let list = b"\n7 Not What It Is. N. Obody. April 1999. (Format: TXT=1 bytes)\n".as_slice();
    let a = directory(root.path(), "a", &[("rfc7.txt", b"seven"), ("rfc-index.txt", list)]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let names_of_others = [
        "rfc7.txt%2Fx",
        "RFC7.txt%2Fy%2Fz",
        "handed-over%2Fx",
        "handed-over",
        "rfc8.txt",
        "%EF%BD%92fc9.txt",
    ];
    let _records = index.register_files(&names_of_others, 9);

    let (code, output, errors) = sync(&index, &["--dry-run"], &mine);
    assert_eq!((code, output.as_str()), (0, "RFC 7\n"), "{errors}");
    assert!(names(&mine).is_empty());
    let (code, output, errors) = sync(&index, &[], &mine);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("\n1 of 1 document fetched"), "{output}");
    for name in names_of_others.into_iter().chain(["rfc-index.txt"]) {
        // Messages show the name as it is.
        let name = name.replace("%2F", "/").replace("%EF%BD%92", "\u{ff52}");
        assert_eq!(errors.matches(&format!("FILE {name} is not fetched")).count(), 1, "{errors}");
    }
    for typed in ["FILE:rfc8.txt", "rfc7.txt/x", "handed-over/x", "rfc-index.txt"] {
        assert!(errors.contains(&format!("; `get {typed} --out PATH` saves it")), "{errors}");
    }
    assert_eq!(names(&mine), ["rfc7.txt"]);
    let address = index.address.to_string();
    let get = [&address, "--share", ".", "get", "rfc-index.txt", "--out", "list"];
    let (code, _, errors) = run_peer(&get, "", &mine);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(fs::read(mine.join("list")).unwrap(), list);
}

#[test]
fn one_document_that_cannot_be_saved_fails_alone() {
    let root = tempfile::tempdir().unwrap();
    let long = "x".repeat(255);
    let files: [(&str, &[u8]); 6] = [
        ("a", b"a"),
        ("b", b"b"),
        ("c", b"c"),
        ("rfc7.txt", b"7"),
        ("rfc8.txt", b"8"),
        (&long, b"x"),
    ];
    let a = directory(root.path(), "a", &files);
    let mine = directory(root.path(), "mine", &[]);
    fs::create_dir(mine.join("rfc7.txt")).unwrap();
    std::os::unix::fs::symlink("/nowhere", mine.join("b")).unwrap();
    fs::write(mine.join("d"), "a file").unwrap();
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let _record = index.register_files(&["d%2Fx"], 9);
    let (code, _, errors) = sync(&index, &[], &mine);
    assert_eq!(code, 74, "{errors}");
    for document in ["RFC 7", "FILE b", "FILE d/x"] {
        assert!(errors.contains(&format!("cannot save {document}")), "{document}: {errors}");
    }
    assert_eq!(names(&mine), ["a", "b", "c", "d", "rfc7.txt", "rfc8.txt", &long]);
    assert!(mine.join("b").is_symlink());
    // All that is left fails before anything is downloaded, and is counted.
    let (code, output, errors) = sync(&index, &[], &mine);
    assert_eq!(code, 74, "{errors}");
    assert!(output.starts_with("0 of 3 documents fetched, 0 bytes, 0 B/s, 3 failed"), "{output}");
    let (code, output, _) = sync(&index, &["--format", "json"], &mine);
    assert_eq!(code, 74);
    for document in [r#""rfc":7,"#, r#""file":"b","#, r#""file":"d/x","#] {
        let is_its = |line: &&str| line.contains(document);
        let line = output.lines().find(is_its).unwrap_or_else(|| panic!("{document}: {output}"));
        assert!(line.contains(r#""fetched":false"#) && line.contains(r#""exit":74"#), "{line}");
    }
}

#[test]
fn a_forced_get_repairs_a_name_that_another_peer_has_taken() {
    let root = tempfile::tempdir().unwrap();
    let others = directory(root.path(), "others", &[("sub", b"a file")]);
    fs::create_dir(others.join("lecture")).unwrap();
    fs::write(others.join("lecture/x"), "below").unwrap();
    let honest = directory(root.path(), "honest", &[("lecture", b"honest lecture")]);
    fs::create_dir(honest.join("sub")).unwrap();
    fs::write(honest.join("sub/g"), "honest g").unwrap();
    let recursive = ["--share", ".", "--recursive", "share"];
    for together in [false, true] {
        let mine = directory(root.path(), &format!("mine {together}"), &[]);
        let state = directory(root.path(), &format!("state {together}"), &[]);
        let index = Index::start(&[]);
        let address = index.address.to_string();
        let run = |words: &[&str]| {
            run_peer_again(&[&[&address, "--share", "."], words].concat(), &state, &mine)
        };
        {
            let other = peer(index.address, &recursive, &others);
            while !other.line().starts_with("registered 2 ") {}
            assert_eq!(run(&["sync"]).0, 0);
        }
        let holder = peer(index.address, &recursive, &honest);
        while !holder.line().starts_with("registered 2 ") {}
        let (code, _, errors) = run(&["sync"]);
        assert_eq!(code, 74, "{errors}");
        assert!(errors.contains("found a file: `get --force` replaces it"), "{errors}");
        assert!(errors.contains("directory with files: `get --force` replaces it if"), "{errors}");
        let gets: &[&[&str]] = match together {
            true => &[&["get", "--force", "sub/g", "lecture"]],
            false => &[&["get", "--force", "sub/g"], &["get", "--force", "lecture"]],
        };
        for get in gets {
            let (code, _, errors) = run(get);
            assert_eq!(code, 0, "{get:?}: {errors}");
        }
        assert_eq!(fs::read(mine.join("sub/g")).unwrap(), b"honest g");
        assert_eq!(fs::read(mine.join("lecture")).unwrap(), b"honest lecture");
        assert_eq!(names(&mine), ["lecture", "sub"]);
        // What was replaced is no missing download.
        let (code, output, _) = run(&["verify"]);
        assert_eq!(code, 0, "{output}");
        assert_eq!(run(&["sync"]).0, 0);
    }
}

#[test]
fn directories_are_created_with_the_document() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let record = index.register_files(&["sub%2Fdir%2Fx"], 9);
    let (code, _, _) = sync(&index, &[], &mine);
    assert_eq!(code, 69);
    assert!(names(&mine).is_empty(), "{:?}", names(&mine));
    drop(record);
    let a = directory(root.path(), "a", &[]);
    fs::create_dir_all(a.join("sub/dir")).unwrap();
    fs::write(a.join("sub/dir/x"), "deep").unwrap();
    let holder = peer(index.address, &["--share", ".", "--recursive", "share"], &a);
    while !holder.line().starts_with("registered 1 ") {}
    let (code, _, errors) = sync(&index, &[], &mine);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(fs::read(mine.join("sub/dir/x")).unwrap(), b"deep");
    assert_eq!(names(&mine), ["sub"]);
}
