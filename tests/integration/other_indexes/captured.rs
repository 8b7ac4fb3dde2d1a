//! The peer with captured replies of index servers, and its messages about servers with
//! which it cannot work.

use std::fs;
use std::thread;

use crate::common::in_parallel;
use crate::other_indexes::fake::{has_extension, temporary, uploader};
use crate::other_indexes::kinds::{B, Kind, Reads, SILENT, STRICT, Server, WORKING};

/// Every command with every server that can be used.
#[test]
fn commands() {
    let port = uploader();
    in_parallel(WORKING, |&kind| commands_with(kind, port));
}

fn commands_with(kind: Kind, port: u16) {
    let server = Server::start(kind, port);
    let directory = temporary();
    let saved = directory.path().join("rfc7.txt");
    let row = row(7, "A House", port);
    let peers = format!("localhost:{port} 1\n");
    let holder = format!("localhost:{port}");
    let ends = !kind.list[2].is_empty() || kind.reads == Reads::EmptyLineAndCloses;
    let complete = if ends { 0 } else { 76 };
    // A reply 200 without a record says that there is none only if its end is marked.
    let none = if ends || kind.none.contains(" 404 ") { 66 } else { 76 };
    // Each command tries the forms of requests, which takes some seconds where the server awaits `END`.
    let most = if kind.reads == Reads::EndLine { 5 } else { 12 };
    for (command, code, expected) in [
        (&["--share", ".", "get", "7"][..], 0, "RFC 7: 4 bytes"),
        (&["--share", ".", "sync"], complete, "1 of 1 document "),
        (&["list"], 0, &row),
        (&["search", "house"], 0, &row),
        (&["lookup", "7"], 0, &row),
        (&["lookup", "7", "--probe"], 0, " yes "),
        (&["lookup", "9"], none, ""),
        (&["lookup", "9", "--probe"], none, ""),
        (&["--share", ".", "get", "9"], none, ""),
        (&["peers"], 0, &peers),
        (&["status"], 0, "known there as  not registered"),
        (&["browse", &holder], 0, &row),
    ]
    .into_iter()
    .take(most)
    {
        let says = || format!("{} {command:?}", kind.name);
        let (found, output, errors) = server.run(command, "", directory.path());
        assert_eq!(found, code, "{}: {output}{errors}", says());
        assert!(output.contains(expected), "{}: {output}{errors}", says());
        assert_eq!(
            errors.contains("before its first reply"),
            !kind.greeting.is_empty(),
            "{}",
            says()
        );
        if command.contains(&"sync") || command.contains(&"7") && command.contains(&"get") {
            assert_eq!(fs::read_to_string(&saved).unwrap(), "body", "{}", says());
            fs::remove_file(&saved).unwrap();
        }
    }
    let requests = server.requests();
    let searches = requests.iter().filter(|request| request.starts_with("SEARCH")).count();
    // Such a server does not see the first request.
    let expected = usize::from(kind.reads != Reads::EndLine);
    assert_eq!(searches, expected, "{requests:#?}");
    let others = requests.iter().filter(|request| !request.starts_with("SEARCH"));
    assert!(others.clone().all(|request| !has_extension(request)), "{}: {requests:#?}", kind.name);
}

/// A row of the grammar, without `RFC`.
fn row(number: u32, title: &str, port: u16) -> String {
    format!("{number} {title} localhost {port}\n")
}

/// All RFCs are registered, and nothing beyond the handout is sent but one header in one LOOKUP.
#[test]
fn registration() {
    let port = uploader();
    in_parallel(WORKING, |&kind| register_with(kind, port));
}

fn register_with(kind: Kind, port: u16) {
    let name = kind.name;
    let server = Server::start(kind, port);
    let directory = temporary();
    for number in [1, 2, 3] {
        fs::write(directory.path().join(format!("rfc{number}.txt")), "text").unwrap();
    }
    fs::write(directory.path().join("lecture.pdf"), "text").unwrap();
    fs::create_dir(directory.path().join("later")).unwrap();
    let later = directory.path().join("later/rfc4.txt");
    fs::write(&later, "text").unwrap();
    let later = later.to_str().unwrap();
    let script = format!("lookup 3\nadd {later}\nlookup 4\n");
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0"];
    let (code, output, errors) = server.run(&arguments, &script, directory.path());
    assert_eq!(code, 0, "{name}: {output}{errors}");
    assert!(output.contains("registered 3 documents with "), "{name}: {output}{errors}");
    for number in [3, 4] {
        let row = row(number, &format!("rfc{number}.txt"), 0);
        let row = row.trim_end_matches(['0', '\n']);
        assert!(output.contains(row), "{name}: {output}{errors}");
    }
    assert!(errors.contains("1 document not registered"), "{name}: {errors}");
    let requests = server.requests();
    assert!(requests.iter().all(|request| !has_extension(request)), "{name}: {requests:#?}");
    let added = requests.iter().filter(|request| request.starts_with("ADD RFC 2 ")).count();
    assert_eq!(added, 1, "{name}: {requests:#?}");
}

/// Messages about servers with which the peer cannot work.
#[test]
fn servers_that_cannot_be_used() {
    let silent =
        "requests were sent in these forms: CRLF and an empty line; LF and an empty line; ";
    let port = uploader();
    thread::scope(|scope| {
        for (kind, list, lookup, registration) in [
            (SILENT, (69, silent), (69, silent), (69, silent)),
            (
                B,
                (76, "sent `['CLIENT1: 47725']`"),
                (76, "after `Error RFC"),
                (69, "no reply within"),
            ),
        ] {
            for (command, (code, expected)) in [
                (&["list"][..], list),
                (&["peers"], list),
                (&["--share", ".", "sync"], list),
                (&["lookup", "7"], lookup),
                (&["--share", ".", "get", "7"], lookup),
                (&["--share", ".", "--upload", "127.0.0.1:0"], registration),
            ] {
                scope.spawn(move || {
                    let server = Server::start(kind, port);
                    let directory = temporary();
                    fs::write(directory.path().join("rfc1.txt"), "text").unwrap();
                    let (found, output, errors) = server.run(command, "", directory.path());
                    let says = format!("{} {command:?}: {output}{errors}", kind.name);
                    assert_eq!(found, code, "{says}");
                    let printed = output + &errors;
                    assert!(printed.contains(expected), "{says}");
                });
            }
        }
    });
}

/// The title is known from the list of the RFC Editor.
#[test]
fn a_lookup_has_the_title_if_it_is_known() {
    let server = Server::start(STRICT, uploader());
    let directory = temporary();
    let list = "RFC INDEX\n---------\n\n0007 Host-IMP interface. G. Deloche. May 1969. (Status: UNKNOWN)\n";
    fs::write(directory.path().join("rfc-index.txt"), list).unwrap();
    let (code, output, errors) = server.run(&["--share", ".", "get", "7"], "", directory.path());
    assert_eq!(code, 0, "{output}{errors}");
    let requests = server.requests();
    assert!(requests[0].contains("\r\nTitle: Host-IMP interface\r\n"), "{requests:#?}");
}

/// FILE is an extension: it used to be in the first request, where a library has no RFC.
#[test]
fn a_library_without_rfcs_sends_no_file_to_an_unknown_server() {
    let server = Server::start(STRICT, uploader());
    let directory = temporary();
    fs::write(directory.path().join("lecture.pdf"), "text").unwrap();
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0"];
    let (code, output, errors) = server.run(&arguments, "", directory.path());
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains("registered 0 documents"), "{output}{errors}");
    assert!(errors.contains("1 document not registered"), "{errors}");
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.starts_with("LOOKUP RFC 1 ")), "{requests:#?}");
}
