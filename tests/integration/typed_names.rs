//! How documents can be named on the command line and in the shell, and messages about names and
//! arguments that are wrong.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use crate::common::{Index, directory, names, run_peer, share};

fn run(index: &Index, command: &[&str], directory: &Path) -> (i32, String, String) {
    let index = index.address.to_string();
    run_peer(&[&[&index, "--share", "."], command].concat(), "", directory)
}

#[test]
fn a_name_is_understood_as_lists_print_it() {
    let root = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 4] =
        [("a b.txt", b"1"), ("\u{e4}.txt", b"2"), ("c d", b"3"), ("c%20d", b"4")];
    let a = directory(root.path(), "a", &files);
    fs::write(a.join("rfc90001.txt"), "5").unwrap();
    let index = Index::start(&[]);
    let (_a, port) = share(index.address, &a);
    for (number, (typed, saved)) in [
        (&["a%20b.txt"][..], "a b.txt"),
        (&["FILE:a%20b.txt"], "a b.txt"),
        (&["FILE", "a%20b.txt"], "a b.txt"),
        // The escaped form of the NFD form of a name in NFC.
        (&["a%CC%88.txt"], "\u{e4}.txt"),
        (&["c%20d"], "c%20d"),
        (&["c d"], "c d"),
        (&["RFC", "90001"], "rfc90001.txt"),
        (&["rfc90001"], "rfc90001.txt"),
        (&["RFC", "90001-90001"], "rfc90001.txt"),
    ]
    .into_iter()
    .enumerate()
    {
        let mine = directory(root.path(), &number.to_string(), &[]);
        if !typed.iter().any(|word| word.ends_with("-90001")) {
            for command in [&["lookup"][..], &["lookup", "--probe"]] {
                let (code, output, errors) = run(&index, &[command, typed].concat(), &mine);
                assert_eq!(code, 0, "{command:?} {typed:?} {output}{errors}");
            }
        }
        let (code, _, errors) = run(&index, &[&["get"], typed].concat(), &mine);
        assert_eq!((code, &names(&mine)[..]), (0, &[saved.to_string()][..]), "{typed:?} {errors}");
        // Here, the index need not be asked.
        let (code, output, _) = run(&index, &[&["get"], typed].concat(), &mine);
        assert!(code == 0 && output.contains("is here already"), "{typed:?} {output}");
    }
    let mine = directory(root.path(), "from", &[]);
    let from = format!("localhost:{port}");
    let (code, _, errors) = run(&index, &["get", "a%20b.txt", "--from", &from], &mine);
    assert_eq!((code, &names(&mine)[..]), (0, &["a b.txt".to_string()][..]), "{errors}");

    let address = index.address.to_string();
    let session = [&address, "--share", ".", "--upload", "127.0.0.1:0"];
    let (code, output, errors) = run_peer(&session, "remove a%20b.txt\n", &mine);
    assert!(code == 0 && output.contains("FILE a%20b.txt"), "{output}{errors}");
    let (code, output, errors) = run_peer(&session, "add a%20b.txt\n", &mine);
    assert!(code == 0 && output.contains("FILE a%20b.txt"), "{output}{errors}");
}

#[test]
fn an_rfc_without_holders_leads_to_the_file_of_that_name() {
    let root = tempfile::tempdir().unwrap();
    let a = directory(root.path(), "a", &[("42", b"42")]);
    let mine = directory(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    for command in [&["get", "42"][..], &["get", "42", "43"], &["lookup", "42"]] {
        let (code, _, errors) = run(&index, command, &mine);
        assert_eq!(code, 66);
        let hint = "no peer has RFC 42; there is a file named `42`: `FILE:42`";
        assert!(errors.contains(hint), "{command:?} {errors}");
        assert!(!errors.contains("FILE:43"), "{errors}");
    }
    assert_eq!(run(&index, &["get", "FILE:42"], &mine).0, 0);
    let address = index.address.to_string();
    let session = [&address, "--share", ".", "--upload", "127.0.0.1:0"];
    let (code, _, errors) = run_peer(&session, "remove 42\n", &mine);
    assert!(
        code == 66 && errors.contains("RFC 42 is not shared here; there is a file"),
        "{errors}"
    );
}

#[test]
fn wrong_numbers_are_answered_with_the_legal_range() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    for (typed, message) in [
        (&["10-5"][..], "the smaller number first, such as `5-10`, found `10-5`"),
        (&["0"], "from 1 to 999999999"),
        (&["9999999999"], "from 1 to 999999999"),
        (&["RFC", "9999999999"], "from 1 to 999999999"),
        (&["rfc9999999999"], "from 1 to 999999999"),
        (&["5-9999999999"], "from 1 to 999999999"),
    ] {
        let (code, _, errors) = run(&index, &[&["get"], typed].concat(), root.path());
        assert!(code == 2 && errors.contains(message), "{typed:?} {errors}");
    }
}

#[test]
fn wrong_arguments_in_the_shell_are_answered_with_the_usage() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    for (line, usage) in [
        ("lookup", "lookup <N>"),
        ("lookup a b", "lookup [OPTIONS] <N>"),
        ("get 0", "get [OPTIONS] [N]..."),
        ("get 10-5", "get [OPTIONS] [N]..."),
        ("get --from", "get [OPTIONS] [N]..."),
        ("get 1 2 --out x", "get [OPTIONS] [N]..."),
        ("search --limit 0 x", "search [OPTIONS] <WORDS>..."),
        ("browse x", "browse [OPTIONS] <HOST:PORT>"),
        ("sync --from x", "sync [OPTIONS]"),
        ("sync x", "sync [OPTIONS]"),
        ("verify 0", "verify [OPTIONS] [N]..."),
        ("why 0", "why [OPTIONS] <N>"),
        ("remove 0", "remove [OPTIONS] <N>"),
        ("status x", "status [OPTIONS]"),
        ("quit now", "quit [OPTIONS]"),
        ("lookup 1-5", "lookup [OPTIONS] <N>"),
        ("list --files x", "list [OPTIONS]"),
        ("help list x", "help [COMMAND]"),
    ] {
        let session = [&address, "--share", ".", "--upload", "127.0.0.1:0"];
        let (code, _, errors) = run_peer(&session, line, root.path());
        assert_eq!(code, 2, "{line}: {errors}");
        assert_eq!(errors.matches(&format!("Usage: {usage}\n")).count(), 1, "{line}: {errors}");
        assert_eq!(errors.matches("Usage: ").count(), 1, "{line}: {errors}");
        assert!(errors.starts_with("peer: line 1: "), "{line}: {errors}");
    }
    let session = [&address, "--share", ".", "--upload", "127.0.0.1:0"];
    let (code, output, _) = run_peer(&session, "get --help", root.path());
    assert!(code == 0 && output.contains("Usage: get [OPTIONS] [N]..."), "{output}");
}
