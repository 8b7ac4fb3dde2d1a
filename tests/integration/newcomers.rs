//! Mistakes on the command line of `peer`: each message has the remedy, and no file is left.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::net::TcpListener;

use crate::common::{self, Index, names, run_peer};

#[test]
fn a_server_that_is_none_is_refused_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, remedy) in [
        (&["lits"] as &[&str], "a similar command exists: 'list'; if `lits` is a host"),
        (&["Get"], "'get'"),
        (&["lits", "793"], "a similar command exists: 'list'"),
        (&["37359"], "as in `localhost:37359`"),
        (&["http://localhost:7734"], "leave out `http://`"),
        (&["host:port"], "such as `localhost` or `localhost:7734`"),
        (&["./papers"], "a directory is named with --share"),
        (&["get", "7", "--from", "http://localhost"], "leave out `http://`"),
        (&["localhost", "serach", "tcp"], "a similar command exists: 'search'"),
        (&["lookup", "b", "c.txt"], "in quotes: `lookup 'b c.txt'`\n\nUsage: "),
        (&["lookup", "793", "794"], "tip: `lookup` takes one document"),
        (&["localhost", "7734"], "tip: a port follows a colon: `localhost:7734`"),
        (&["download", "1"], "tip: the command is called `get`"),
        (
            &["localhost", "get", "-dash.txt"],
            "tip: a name that begins with `-` follows `--`: `get -- -dash.txt`",
        ),
        (&["--limit", "5"], "tip: `--limit` is an option of `search`\n"),
        (&["--menu", "list"], "expected no command with `--menu`"),
    ] {
        let (code, output, errors) = run_peer(arguments, "", directory.path());
        assert_eq!((code, output.as_str()), (2, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(remedy), "{arguments:?}: {errors}");
    }
}

/// Before, `share` and the shell created a directory whose name was mistyped.
#[test]
fn only_a_download_creates_the_shared_directory() {
    let directory = tempfile::tempdir().unwrap();
    let holder = common::directory(directory.path(), "holder", &[("rfc7.txt", b"text")]);
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let (_holder, _) = common::share(index.address, &holder);
    let run = |arguments: &[&str], input| {
        run_peer(&[&[&address, "--share", "new"], arguments].concat(), input, directory.path())
    };
    let (code, _, errors) = run(&["share"], "");
    assert_eq!(code, 74, "{errors}");
    assert!(errors.contains("cannot share `new`: there is no such directory; create it"));
    let (code, _, errors) = run(&[], "list\nstatus\n");
    assert_eq!(code, 0, "{errors}");
    let (code, output, docs_errors) = run(&["docs"], "");
    assert_eq!((code, output.as_str()), (66, ""), "{docs_errors}");
    assert!(docs_errors.contains("the share directory `new` does not exist"), "{docs_errors}");
    assert!(errors.starts_with("`new` does not exist: nothing is shared before"), "{errors}");
    let (code, _, _) = run(&["get", "8"], "");
    assert_eq!(code, 66);
    assert_eq!(names(directory.path()), ["holder"]);
    // A session shares what it has downloaded there.
    let (code, output, errors) = run(&[], "get 7\nlookup 7\n");
    assert_eq!(code, 0, "{errors}");
    assert!(errors.ends_with("created the directory `new`\n"), "{errors}");
    assert_eq!(output.matches("RFC 7 rfc7.txt localhost").count(), 2, "{output}");
    assert_eq!(names(&directory.path().join("new")), ["rfc7.txt"]);
    let (code, _, errors) = run(&["sync"], "");
    assert_eq!((code, errors.as_str()), (0, ""));
}

/// Standard output has the names alone, for scripts.
#[test]
fn a_dry_run_prints_the_length_of_the_downloads() {
    let directory = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [("rfc7.txt", b"text"), ("a b.txt", b"bytes")];
    let holder = common::directory(directory.path(), "holder", &files);
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let (_holder, _) = common::share(index.address, &holder);
    index.wait_for_digests("RFC 7", 1);
    index.wait_for_digests("FILE a%20b.txt", 1);
    let (code, output, errors) =
        run_peer(&[&address, "--share", "new", "sync", "--dry-run"], "", directory.path());
    assert_eq!((code, output.as_str()), (0, "RFC 7\nFILE a%20b.txt\n"), "{errors}");
    assert_eq!(errors, "2 documents to download, 9 bytes\n");
    let json = [&address, "--share", "new", "--format", "json", "sync", "--dry-run"];
    let (_, output, _) = run_peer(&json, "", directory.path());
    assert!(output.contains("\"bytes\":4") && output.contains("\"bytes\":5"), "{output}");
    assert_eq!(names(directory.path()), ["holder"]);
}

#[test]
fn many_documents_that_no_peer_has_are_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    for (arguments, expected) in [
        (
            &["get", "900-950"] as &[&str],
            "peer: no peer has RFC 900-950 (51 documents)\npeer: 51 of 51 documents were not fetched\n",
        ),
        (
            &["get", "b", "c.txt"],
            "peer: no peer has FILE b\npeer: no peer has FILE c.txt\nif that is one name with blanks, \
             quote it: 'b c.txt'\npeer: 2 of 2 documents were not fetched\n",
        ),
    ] {
        let (code, _, errors) =
            run_peer(&[&[address.as_str()], arguments].concat(), "", directory.path());
        assert_eq!((code, errors.as_str()), (66, expected));
    }
    let (code, _, errors) = run_peer(&[&address], "nonsense\n", directory.path());
    assert!(code == 2 && !errors.contains("Usage: <COMMAND>"), "{errors}");
}

#[test]
fn a_surplus_argument_has_no_tip_where_none_helps() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [&["list", "x"] as &[&str], &["peers", "x"], &["browse", "localhost:1", "x"]] {
        let (code, _, errors) = run_peer(arguments, "", directory.path());
        assert!(code == 2 && errors.contains("unexpected argument 'x'"), "{errors}");
        assert!(!errors.contains("tip"), "{errors}");
    }
}

#[test]
fn a_refused_connection_is_followed_by_advice() {
    let directory = tempfile::tempdir().unwrap();
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let advice = format!("no program listens at {unused}: ");
    for (arguments, input) in [(&[&*unused, "list"] as &[&str], ""), (&[&unused], "list\n")] {
        let (code, _, errors) = run_peer(arguments, input, directory.path());
        assert_eq!(code, 69, "{errors}");
        let expected = format!("{advice}is the index server running (`server`)");
        assert!(errors.contains(&expected), "{errors}");
    }
    let (code, _, errors) = run_peer(&["get", "7", "--from", &unused], "", directory.path());
    assert_eq!(code, 69, "{errors}");
    assert!(errors.contains(&format!("{advice}has that peer ended")), "{errors}");
    let (_, _, errors) = run_peer(&["-q", "get", "7", "--from", &unused], "", directory.path());
    assert_eq!(errors, "peer: no holder delivered RFC 7 (1 asked)\n");
}

#[test]
fn a_host_that_is_not_resolved_may_be_a_directory_or_a_command() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, is_noted) in
        [(&["no-such-host", "list"] as &[&str], true), (&["127.0.0.1:1", "list"], false)]
    {
        let (code, _, errors) = run_peer(arguments, "", directory.path());
        assert_eq!(code, 69, "{errors}");
        let note =
            "`no-such-host` was taken as the host of the index: a directory is named with --share";
        assert_eq!(errors.contains(note), is_noted, "{errors}");
    }
}
