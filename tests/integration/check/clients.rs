//! `check client` and `check peer` with our own peer.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::client_faults::Fault;
use super::faulty_client;
use super::{check, failing};
use crate::common::{self, Program, in_parallel};

const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// A command that a program without a shell starts, although its path may have blanks.
fn own_peer() -> String {
    let words = [PEER, "{host}:{port}", "--share", "{dir}", "--upload", "127.0.0.1:0"];
    shlex::try_join(words).unwrap()
}

#[test]
fn our_peer_passes_every_case_when_it_is_started() {
    let (code, output, errors) = check(&["peer", "--start", &own_peer(), "--level", "extension"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.starts_with("listening on 127.0.0.1:"), "{output}");
    assert!(output.ends_with("\n67 of 67 cases passed; grade 100.0 of 100\n"), "{output}");
}

/// What a person types into our shell after an instruction.
fn typed(instruction: &str, directory: &Path) -> String {
    let words: Vec<&str> = instruction.split([' ', '.']).collect();
    let after = |word: &str| {
        let place = words.iter().position(|one| *one == word).unwrap();
        words[place + 1].to_string()
    };
    let number = || after("RFC");
    match words[2] {
        "add" => {
            let title = instruction.split('`').nth(1).unwrap();
            let path = directory.join(format!("rfc{}.txt", number()));
            // Our peer adds it by itself, too, with the title in it.
            let head = format!("Network Working Group\nRequest for Comments: {}", number());
            fs::write(path, format!("\n\n{head}\n\n\n          {title}\n\nAbstract\n")).unwrap();
            format!("add {} --title '{title}'", number())
        }
        "list" => "list".into(),
        "look" => format!("lookup {}", number()),
        "download" => format!("get {}", number()),
        "leave:" => "exit".into(),
        other => panic!("{other} in {instruction}"),
    }
}

/// `check client` with all cases, and where it listens.
fn tester(directory: &Path) -> (Program, SocketAddr) {
    let arguments = ["check", "client", "--listen", "127.0.0.1:0", "--level", "extension"];
    let tester = Program::start(env!("CARGO_BIN_EXE_p2p-ci"), &arguments, directory);
    let line = tester.line();
    let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    (tester, address)
}

#[test]
fn our_peer_passes_every_case_in_the_hands_of_a_person() {
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "a library", &[]);
    let (tester, address) = tester(root.path());
    let shared = directory.to_str().unwrap();
    // It connects when it has a document, so that is the first instruction.
    let mut peer = None;
    let mut steps = 0;
    let mut line = tester.line();
    while line.starts_with('[') {
        steps += 1;
        assert!(line.starts_with(&format!("[{steps}/23] Now ")), "{line}");
        let typed = typed(line.split_once(']').unwrap().1, &directory);
        let arguments = ["--share", shared, "--upload", "127.0.0.1:0"];
        let peer: &mut Program =
            peer.get_or_insert_with(|| common::peer(address, &arguments, root.path()));
        peer.type_line(&typed);
        line = tester.line();
    }
    let rest = tester.rest();
    assert_eq!(
        rest.last().unwrap(),
        "38 of 38 cases passed; grade 100.0 of 100",
        "{line}\n{rest:#?}"
    );
}

/// A person may start a program again that a reply has ended, without a word: the case of that reply has failed, and
/// no other.
#[test]
fn a_program_that_is_started_again_fails_the_case_that_has_ended_it() {
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "a library", &[]);
    let (tester, address) = tester(root.path());
    let arguments = ["--share", directory.to_str().unwrap(), "--upload", "127.0.0.1:0"];
    let mut peer = None;
    // After the replies to two lookups, and to a download.
    let mut ended = ["[5/", "[6/", "[14/"].into_iter().peekable();
    let mut line = tester.line();
    while line.starts_with('[') {
        if ended.next_if(|step| line.starts_with(step)).is_some() {
            peer.take_if(|peer: &mut Program| {
                peer.signal("KILL");
                peer.wait();
                true
            });
            peer = Some(common::peer(address, &arguments, root.path()));
            let noticed = tester.line();
            assert!(noticed.starts_with("The program was started again, "), "{noticed}");
            assert_eq!(tester.line(), line);
        }
        let typed = typed(line.split_once(']').unwrap().1, &directory);
        let peer = peer.get_or_insert_with(|| common::peer(address, &arguments, root.path()));
        peer.type_line(&typed);
        line = tester.line();
    }
    let lines = [vec![line], tester.rest()].concat();
    let failed = lines.iter().filter(|line| line.starts_with("FAIL "));
    let failed: Vec<&str> = failed.map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(failed, ["reply-two-records", "reply-missing", "download"], "{lines:#?}");
}

#[test]
fn a_faulty_client_fails_exactly_the_cases_of_its_fault() {
    let root = tempfile::tempdir().unwrap();
    let menu = root.path().join("menu.txt");
    fs::write(&menu, faulty_client::MENU).unwrap();
    let menu = menu.to_str().unwrap();
    let run = |(fault, expected)| {
        let command = faulty_client::command(fault);
        let failed = failing(&["peer", "--start", &command, "--menu", menu]);
        assert_eq!(failed, expected, "{fault:?}");
    };
    // Almost all of the time is waiting.
    thread::scope(|scope| {
        for half in FAULTS.chunks(FAULTS.len() / 2) {
            scope.spawn(move || in_parallel(half.iter().copied(), run));
        }
    });
}

/// An operation that the program does not have fails its own cases, and no case before them.
#[test]
fn a_menu_without_an_operation_fails_its_cases() {
    let root = tempfile::tempdir().unwrap();
    let menu = root.path().join("menu.txt");
    fs::write(&menu, faulty_client::MENU.replace("list: 3\n", "")).unwrap();
    let command = faulty_client::command(Fault::None);
    let failed = failing(&["peer", "--start", &command, "--menu", menu.to_str().unwrap()]);
    assert_eq!(failed, ["list", "reply-long-list", "reply-empty-list", "after-refusals"]);
}

/// A client without documents need not listen. One that adds a document must.
#[test]
fn a_client_that_never_listens_is_told_so() {
    let root = tempfile::tempdir().unwrap();
    let menu = root.path().join("menu.txt");
    fs::write(&menu, faulty_client::MENU).unwrap();
    let command = faulty_client::command(Fault::OtherPort);
    let arguments = ["peer", "--start", &command, "--menu", menu.to_str().unwrap()];
    let (code, output, errors) = check(&arguments);
    assert_eq!(code, 1, "{errors}");
    let lines: Vec<&str> = output.lines().collect();
    let place = lines.iter().position(|line| line.contains(" port-listens ")).unwrap();
    let failed = |lines: &[&str]| lines.iter().filter(|line| line.starts_with("FAIL ")).count();
    assert!(lines[place].starts_with("FAIL "), "{output}");
    assert!(output.contains("needs no upload server, and sends no ADD"), "{output}");
    // Its other requests and replies are right; its upload server fails each case.
    let uploads = lines.iter().position(|line| line.contains(" get-document ")).unwrap();
    assert_eq!(failed(&lines[..uploads]), 1, "{output}");
    assert_eq!(failed(&lines[uploads..]), 23, "{output}");
}

/// A program that does nothing fails every case soon, and its output is shown.
#[test]
fn a_dead_program_fails_every_case_soon() {
    let begun = Instant::now();
    let command = shlex::try_join(["/bin/sh", "-c", "echo no such menu; exec cat"]).unwrap();
    let (code, output, errors) = check(&["peer", "--start", &command]);
    assert_eq!(code, 1, "{output}{errors}");
    assert!(output.ends_with("\n0 of 60 cases passed; grade 0.0 of 100\n"), "{output}");
    assert!(
        output.contains("\n     the last output of the program:\n     | no such menu\\n\n"),
        "{output}"
    );
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn nobody_at_the_terminal_ends_the_test() {
    let begun = Instant::now();
    let (code, output, errors) =
        check(&["client", "--listen", "127.0.0.1:0", "--idle", "1", "--json"]);
    assert_eq!(code, 1, "{output}{errors}");
    let object: serde_json::Value = serde_json::from_str(&output).unwrap();
    let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["cases", "grade", "v"]);
    let cases = object["cases"].as_array().unwrap();
    assert!(cases.len() > 30 && cases.iter().all(|case| case["passed"] == false), "{output}");
    assert!(errors.starts_with("listening on 127.0.0.1:"), "{errors}");
    assert!(errors.contains("\n[1/22] Now add RFC "), "{errors}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn faults_of_arguments_are_named() {
    let root = tempfile::tempdir().unwrap();
    let menu = root.path().join("menu.txt");
    fs::write(&menu, "add: 1\nshow: 2\n").unwrap();
    for (arguments, expected_code, expected) in [
        (&["--start", "a 'b"][..], 2, "--start: expected balanced quotes"),
        (&["--start", " "], 2, "--start: expected a command"),
        (&["--start", "a {hos}:{port}"], 2, "found `{hos}`; did you mean `{host}`?"),
        (&["--start", "/nonexistent/program"], 1, "no shell reads the command"),
        (&["--start", "x", "--menu", menu.to_str().unwrap()], 2, "line 2: expected `document`"),
        (&["--start", "x", "--menu", "/nonexistent/menu"], 74, "cannot read /nonexistent/menu"),
    ] {
        let (code, _, errors) = check(&[&["peer"], arguments].concat());
        assert_eq!(code, expected_code, "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
}

/// A program that ends at once has shown no port, and its exit status says more than that no request came.
#[test]
fn a_program_that_ends_at_once_is_named() {
    let (code, output, errors) = check(&["peer", "--start", "false"]);
    assert_eq!(code, 1, "{errors}");
    assert!(output.contains("the program has ended: exit status: 1\n"), "{output}");
    assert!(output.contains("(a connection to the port in its ADD"), "{output}");
    assert!(!output.contains("127.0.0.1:1)"), "{output}");
}

const FAULTS: [(Fault, &[&str]); 38] = [
    (Fault::None, &[]),
    (Fault::LineFeeds, &["request-line-ends"]),
    (Fault::NoEmptyLine, &["request-end"]),
    (Fault::NumberAlone, &["request-line"]),
    (Fault::OtherVersion, &["request-version"]),
    (Fault::LeadingZero, &["request-number"]),
    (Fault::NoBlankAfterColon, &["request-headers"]),
    (Fault::NoHost, &["request-host"]),
    (Fault::NoPortInLookup, &["request-port"]),
    (Fault::TitleWord, &["add-title"]),
    (Fault::NoOs, &["get-os"]),
    (Fault::ConnectionPerRequest, &["stays-connected"]),
    (Fault::HostTwice, &["headers-once"]),
    (Fault::OtherPortInList, &["same-endpoint"]),
    (Fault::Greets, &["nothing-else"]),
    (Fault::SaysLeave, &["nothing-else"]),
    (Fault::Post, &["request-port"]),
    (Fault::EndLine, &["request-end"]),
    // The cases before these have passed: an operation without a request says nothing about the reply before.
    (Fault::EndsAtList, &["list", "reply-long-list", "reply-empty-list", "after-refusals"]),
    (Fault::IgnoresList, &["list", "reply-long-list", "reply-empty-list", "after-refusals"]),
    (Fault::ReadsOnce, &["reply-bytewise", "reply-line-cut", "reply-long-list"]),
    (Fault::OneRecord, &["reply-two-records", "reply-end-late", "reply-long-list"]),
    (Fault::EndsAt404, &["reply-missing"]),
    (Fault::HangsAt404, &["reply-missing"]),
    (Fault::EndsAtReason, &["reply-reason"]),
    (Fault::EndsAtEmptyList, &["reply-empty-list"]),
    (Fault::EndsAt505, &["reply-version"]),
    (Fault::FloodsAfterList, &["list", "reply-empty-list", "leave"]),
    (
        Fault::LosesFirstSegment,
        &[
            "download",
            "download-like-head",
            "download-large",
            "download-binary",
            "download-other-head",
            "download-kept-open",
        ],
    ),
    (Fault::SplitsAtLastEmptyLine, &["download-like-head"]),
    (Fault::TextMode, &["download-binary"]),
    (Fault::ShortBody, &["download-large"]),
    (Fault::HeadersByCase, &["download-other-head"]),
    (Fault::ReadsToClose, &["download-kept-open"]),
    (Fault::SavesRefusals, &["download-missing"]),
    (Fault::HeadInOneRead, &["download-bytewise"]),
    // The program is started again for the cases after that one.
    (Fault::EndsAtGetWithoutHost, &["get-host-missing"]),
    (Fault::Stays, &["leave"]),
];
