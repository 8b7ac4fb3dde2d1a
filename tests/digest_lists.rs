//! Lists of digests that the user trusts (`--digests`).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::time::Instant;

use common::{Index, PATIENCE, folder, names, run_peer, share};

#[test]
fn a_list_of_digests_decides() {
    // The digest of `abc`.
    const LIST: &str =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  rfc7.txt\n";
    let root = tempfile::tempdir().unwrap();
    let wrong = folder(root.path(), "wrong", &[("rfc7.txt", b"abd")]);
    let right = folder(root.path(), "right", &[("rfc7.txt", b"abc")]);
    let index = Index::start(&[]);
    let (_wrong, wrong_port) = share(index.address, &wrong);
    let list = root.path().join("list");
    fs::write(&list, LIST).unwrap();
    let (address, list) = (index.address.to_string(), list.to_str().unwrap().to_string());
    let arguments = [&address, "--share", ".", "get", "7", "--digests", &list];
    let mine = folder(root.path(), "mine", &[]);
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

#[test]
fn a_list_of_digests_may_name_a_directory_that_does_not_exist_yet() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let a = folder(&root, "a", &[("rfc7.txt", b"seven")]);
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
