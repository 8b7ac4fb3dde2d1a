//! Lists of digests that the user trusts (`--digests`).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::time::Instant;

use crate::common::{Index, PATIENCE, directory, names, run_peer, share};

#[test]
fn a_list_of_digests_decides() {
    // The digest of `abc`.
    const LIST: &str =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  rfc7.txt\n";
    let root = tempfile::tempdir().unwrap();
    let wrong = directory(root.path(), "wrong", &[("rfc7.txt", b"abd")]);
    let right = directory(root.path(), "right", &[("rfc7.txt", b"abc")]);
    let index = Index::start(&[]);
    let (_wrong, wrong_port) = share(index.address, &wrong);
    let list = root.path().join("list");
    fs::write(&list, LIST).unwrap();
    let (address, list) = (index.address.to_string(), list.to_str().unwrap().to_string());
    let arguments = [&address, "--share", ".", "get", "7", "--digests", &list];
    let mine = directory(root.path(), "mine", &[]);
    let (code, _, errors) = run_peer(&arguments, "", &mine);
    assert_eq!(code, 65, "{errors}");
    assert!(names(&mine).is_empty(), "{:?}", names(&mine));

    let (_right, port) = share(index.address, &right);
    let begun = Instant::now();
    loop {
        let (code, output, errors) = run_peer(&arguments, "", &mine);
        assert_eq!(code, 0, "{errors}");
        assert!(output.contains(&format!("from localhost:{port}, sha-256 checked")), "{output}");
        fs::remove_file(mine.join("rfc7.txt")).unwrap();
        if errors.contains("have different versions") {
            assert!(errors.contains(&format!("localhost:{wrong_port}")), "{errors}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the digests do not get known");
    }
}

/// A list also decides about the documents that are here already.
#[test]
fn documents_that_are_here_are_compared_with_the_list() {
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let root = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [("rfc7.txt", b"abc"), ("rfc8.txt", b"abc")];
    let shared = directory(root.path(), "shared", &files);
    let mine = directory(root.path(), "mine", &[("rfc7.txt", b"abd"), ("rfc8.txt", b"abc")]);
    let index = Index::start(&[]);
    let (_holder, _) = share(index.address, &shared);
    let list = root.path().join("list");
    fs::write(&list, format!("{ABC}  rfc7.txt\n{ABC}  rfc8.txt\n")).unwrap();
    let (address, list) = (index.address.to_string(), list.to_str().unwrap().to_string());
    let run = |command: &[&str]| {
        let options = ["--digests", &list, "--share", "."];
        run_peer(&[&[address.as_str()], command, &options].concat(), "", &mine)
    };
    for command in [&["get", "7"][..], &["get", "7", "8"], &["sync"], &["sync", "--dry-run"]] {
        let (code, output, errors) = run(command);
        assert_eq!(code, 65, "{command:?}: {output}{errors}");
        assert!(errors.contains("RFC 7 is here with other content: expected sha-256="), "{errors}");
        assert!(!errors.contains("RFC 8"), "{errors}");
        assert_eq!(fs::read(mine.join("rfc7.txt")).unwrap(), b"abd");
    }
    let (_, output, _) = run(&["sync", "--format", "json"]);
    assert!(output.contains(r#""exit":65"#), "{output}");
    let (code, output, errors) = run(&["get", "7", "--force"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(fs::read(mine.join("rfc7.txt")).unwrap(), b"abc");
    for command in [&["get", "7", "8"][..], &["sync"]] {
        assert_eq!(run(command).0, 0);
    }
}

#[test]
fn a_list_of_digests_may_name_a_directory_that_does_not_exist_yet() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let a = directory(&root, "a", &[("rfc7.txt", b"seven")]);
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let address = index.address.to_string();
    let zeros = "0".repeat(64);
    for path in [root.join("new/rfc7.txt").to_str().unwrap(), "new/rfc7.txt", "../new/rfc7.txt"] {
        fs::write(root.join("list"), format!("{zeros}  {path}\n")).unwrap();
        for command in ["get 7", "sync"] {
            let words: Vec<&str> = command.split(' ').collect();
            let options = ["--share", "new", "--digests", "list"];
            let arguments = [&[address.as_str()], &words[..], &options].concat();
            let (code, _, errors) = run_peer(&arguments, "", &root);
            assert_eq!(code, 65, "{path}, {command}: {errors}");
            assert!(!errors.contains("match no document"), "{errors}");
            assert!(!root.join("new/rfc7.txt").exists());
            let _ = fs::remove_dir_all(root.join("new"));
        }
    }
}
