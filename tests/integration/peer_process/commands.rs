//! Single commands and their exit codes.

use std::fs;

use crate::common::{Index, Program, run_peer, run_peer_again, share};
use crate::peer_process::{directories, nowhere};

#[test]
fn exit_codes() {
    let (root, a, b) = directories();
    let index = Index::start(&[]);
    let (_a, _) = share(index.address, &a);
    let index = index.address.to_string();
    fs::write(root.path().join("file"), "no directory").unwrap();
    let closed = nowhere();
    for (code, arguments) in [
        (0, &[&*index, "list"] as &[&str]),
        (0, &[&index, "lookup", "90001"]),
        (0, &[&index, "get", "90001"]),
        (0, &["--help"]),
        (2, &[&index, "--no-such-flag"]),
        (2, &[&index, "lookup", "0"]),
        (2, &["host:99999", "list"]),
        (2, &[&index, "get", "../x"]),
        (66, &[&index, "lookup", "4711"]),
        (66, &[&index, "get", "4711"]),
        (2, &[&index, "remove", "90001"]),
        (2, &[&index, "add", "4711"]),
        (69, &[&closed, "list"]),
        (69, &[&closed]),
        (69, &[&index, "get", "4711", "--from", &closed]),
        (74, &[&index, "get", "90001", "--out", "no/such/directory"]),
        (74, &[&index, "--share", "../file", "docs"]),
        (74, &[&index, "--share", "../file"]),
    ] {
        let (found, _, errors) = run_peer(arguments, "", &b);
        assert_eq!(found, code, "peer {arguments:?}: {errors}");
    }
}

#[test]
fn a_single_command_announces_nothing() {
    let (_root, a, b) = directories();
    let index = Index::start(&["--log", "requests"]);
    let (_a, port) = share(index.address, &a);
    let address = index.address.to_string();
    let (code, output, _) = run_peer(&[&address, "get", "90001"], "", &b);
    assert!(code == 0 && output.contains("saved as rfc/rfc90001.txt"), "{output}");
    assert_eq!(index.list().len(), 1, "the downloaded copy is not registered");

    let (_, output, errors) = run_peer(&[&address, "get", "90001", "--out", "-"], "", &b);
    assert_eq!(output, fs::read_to_string(a.join("rfc90001.txt")).unwrap());
    assert_eq!(errors, "");

    let from = format!("localhost:{port}");
    let arguments = [&address, "get", "90001", "--from", &from, "--out", "copy"];
    assert_eq!(run_peer(&arguments, "", &b).0, 0);
    let (code, _, errors) = run_peer(&arguments, "", &b);
    assert!(code == 74 && errors.contains("not overwritten without --force"), "{errors}");
    fs::write(b.join("copy"), "old").unwrap();
    assert_eq!(run_peer(&[&arguments[..], &["--force"]].concat(), "", &b).0, 0);
    assert_eq!(fs::read(b.join("copy")).unwrap(), fs::read(a.join("rfc90001.txt")).unwrap());
}

#[test]
fn an_existing_document_is_found_without_the_index() {
    let (_root, a, _) = directories();
    let arguments = [&nowhere(), "--share", ".", "get", "90001"];
    let (code, output, errors) = run_peer(&arguments.map(|a| a as &str), "", &a);
    assert_eq!((code, &*errors), (0, ""));
    assert_eq!(output, "RFC 90001 is here already: ./rfc90001.txt\n");
}

/// Commands that change nothing in a shared directory in which there is nothing to do.
const READING: &[&str] = &[
    "docs",
    "verify",
    "status",
    "why 7",
    "get 7",
    "sync",
    "sync --dry-run",
    "list",
    "lookup 7",
    "lookup 7 --probe",
    "search x",
    "browse h:1",
    "peers",
];

#[test]
fn a_share_that_is_no_directory_is_refused_by_every_command() {
    let (root, _, b) = directories();
    let file = root.path().join("file");
    fs::write(&file, "no directory").unwrap();
    let closed = nowhere();
    let others = ["get 7 --out x", "list --files", "add x", "share"];
    for command in READING.iter().chain(&others) {
        let words = command.split(' ').collect::<Vec<_>>();
        let arguments = [&[closed.as_str(), "--share", "../file"], &words[..]].concat();
        let (code, output, errors) = run_peer(&arguments, "", &b);
        assert_eq!((code, output.as_str()), (74, ""), "{command}: {errors}");
        assert!(errors.contains("cannot share `../file`: expected a directory"), "{errors}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "no directory");
}

#[test]
fn a_mistyped_share_is_not_created() {
    let (_root, _, b) = directories();
    let index = Index::start(&[]);
    let index = index.address.to_string();
    for command in READING {
        let words = command.split(' ').collect::<Vec<_>>();
        let arguments = [&[index.as_str(), "--share", "mistyped"], &words[..]].concat();
        let (_, _, errors) = run_peer(&arguments, "", &b);
        assert!(!b.join("mistyped").exists(), "{command}: {errors}");
    }
}

#[test]
fn a_single_status_knows_the_session_that_shares_its_directory() {
    let (root, a, _) = directories();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let state = root.path().join("state");
    let status = ["--share", ".", "--format", "json", "status"];
    let shared = |expected: bool| {
        let (code, output, errors) =
            run_peer_again(&[&[&*address], &status[..]].concat(), &state, &a);
        let member = format!(r#""shared_by_other_process":{expected}"#);
        assert!(code == 0 && output.contains(&member), "{output}{errors}");
    };
    shared(false);
    let arguments = [&*address, "--share", ".", "share"];
    let session = Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, &state, &a);
    while !session.line().starts_with("registered ") {}
    shared(true);
    drop(session);
    shared(false);
}

#[test]
fn a_single_add_reports_why_it_is_not_available() {
    let (_root, _, b) = directories();
    for command in [&["add", "90001"][..], &["remove", "90001"]] {
        let (code, output, errors) = run_peer(command, "", &b);
        assert_eq!((code, &*output), (2, ""), "{errors}");
        assert!(errors.contains("works only in the shell"), "{errors}");
    }
    let (_, help, _) = run_peer(&["--help"], "", &b);
    assert!(!help.contains("\n  add"), "{help}");
}
