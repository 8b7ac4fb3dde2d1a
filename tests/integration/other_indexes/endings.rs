//! Replies without their final empty line, and other line ends (protocol.md section 4.9).

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{in_parallel, run_peer, run_peer_again};
use crate::other_indexes::fake::{Act, Other, has_extension, say, share, temporary, uploader};

/// No final empty line, no record, and no line end: what is complete is used, and soon.
#[test]
fn replies_without_an_end() {
    let port = uploader();
    let rows = format!("RFC 7 T localhost {port}\n");
    let cases = [
        (format!("P2P-CI/1.0 200 OK\n{rows}"), 1, false),
        (format!("P2P-CI/1.0 200 OK\n\n{rows}"), 5, false),
        (format!("P2P-CI/1.0 200 OK\n{rows}\n"), 0, true),
        (format!("{:~<1024}", format!("P2P-CI/1.0 200 OK\n{rows}")), 1, false),
    ];
    in_parallel(cases, |(reply, seconds, is_complete)| {
        let said = reply.clone();
        let other = Other::start(move |_, _| say(&said));
        let directory = temporary();
        let begun = Instant::now();
        let (code, output, errors) = other.run(&["--format", "json", "list"], directory.path());
        let took = begun.elapsed();
        assert_eq!(code, 0, "{reply:?}: {errors}");
        assert_eq!(output.contains(r#""complete":false"#), !is_complete, "{reply:?}: {output}");
        assert_eq!(errors.contains("may be incomplete"), !is_complete, "{reply:?}: {errors}");
        assert!(output.contains(r#""rfc":7"#), "{reply:?}: {output}");
        assert!(took >= Duration::from_secs(seconds), "{reply:?}: {took:?}");
        assert!(took < Duration::from_secs(25), "{reply:?}: {took:?}");
        if seconds != 5 {
            let (code, _, errors) = other.run(&["--share", ".", "sync"], directory.path());
            assert_eq!(code, if is_complete { 0 } else { 76 }, "{reply:?}: {errors}");
            assert_eq!(fs::read_to_string(directory.path().join("rfc7.txt")).unwrap(), "body");
        }
        assert!(other.requests().iter().all(|request| !has_extension(request)));
    });
}

/// Empty lines between rows, and padding after them, which is not printed.
#[test]
fn rows_between_empty_lines_and_padding() {
    let (first, second) = ("RFC 1 A h 7001", "RFC 2 B h 7002");
    let rows = format!("{first}\n{second}\n");
    let cases = [
        format!("P2P-CI/1.0 200 OK\n\n{first}\n\n{second}\n"),
        format!("P2P-CI/1.0 200 OK\r\n\r\n{first}\r\n\r\n{second}\r\n\r\n"),
        format!("P2P-CI/1.0 200 OK\n{rows}{}", "\0".repeat(900)),
        format!("P2P-CI/1.0 200 OK\n{rows}{}", "#".repeat(900)),
        format!("P2P-CI/1.0 200 OK\n{rows}{}\n", "#".repeat(900)),
        format!("P2P-CI/1.0 200 OK\n{rows}{}\n\n", "\0".repeat(900)),
    ];
    in_parallel(cases, |reply| {
        let said = reply.clone();
        let other = Other::start(move |_, _| say(&said));
        let (code, output, errors) = other.run(&["list"], temporary().path());
        let what = format!("{reply:?}: {output}{errors}");
        assert_eq!(code, 0, "{what}");
        let lines = output.lines().filter(|line| !line.is_empty());
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines, ["P2P-CI/1.0 200 OK", first, second], "{what}");
        assert!(!errors.contains("violated"), "{what}");
    });
}

/// Rows may come in a write of their own, and after a reply that silence has ended the next one ends sooner.
#[test]
fn rows_after_a_pause() {
    let other = Other::start(|_, _| {
        let pause = Duration::from_millis(400);
        let status = b"P2P-CI/1.0 200 OK\r\n\r\n".to_vec();
        Act::SayLater(status, pause, b"RFC 7 T h 1\r\nRFC 8 T h 1\r\n".to_vec())
    });
    let begun = Instant::now();
    let index = other.address.to_string();
    let script = "list\nlist\nlookup 7\nlookup 8\nlookup 7\nlookup 8\n";
    let (_, output, errors) = run_peer(&[&index, "--share", "."], script, temporary().path());
    assert_eq!(output.matches("RFC 7 T h 1").count(), 4, "{output}{errors}");
    assert!(errors.contains("may be incomplete"), "{errors}");
    // 5 s each would be 30 s.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// Nothing is known from a reply without records whose end is not marked.
#[test]
fn an_empty_reply_without_an_end_is_no_answer() {
    in_parallel(["P2P-CI/1.0 200 OK\r\n", "P2P-CI/1.0 200 OK\r\n\r\n"], |reply| {
        let other = Other::start(move |_, _| say(reply));
        let commands = [
            &["list"][..],
            &["lookup", "5"],
            &["get", "5"],
            &["lookup", "5", "--probe"],
            &["search", "title"],
            &["peers"],
            &["get", "5", "6"],
            &["sync"],
        ];
        // With an empty line after the status the silence is longer.
        let most = if reply.ends_with("\r\n\r\n") { 3 } else { commands.len() };
        for command in commands.into_iter().take(most) {
            let arguments = [&["--share", "."], command].concat();
            let (code, output, errors) = other.run(&arguments, temporary().path());
            assert_eq!(code, 76, "{reply:?} {command:?}: {output}{errors}");
        }
    });
}

/// The empty line after a refusal says nothing about the end of records: a list of such a server
/// ends by silence, too.
#[test]
fn a_refusal_with_an_empty_line_does_not_promise_one_after_records() {
    let other = Other::start(|request, _| match request.starts_with("LIST ALL") {
        true => say("P2P-CI/1.0 200 OK\nRFC 7 T h 1\n"),
        false => say("P2P-CI/1.0 404 Not Found\r\n\r\n"),
    });
    let begun = Instant::now();
    let index = other.address.to_string();
    let (_, output, errors) =
        run_peer(&[&index, "--share", "."], "lookup 99\nlist\n", temporary().path());
    assert!(output.contains("RFC 7 T h 1"), "{output}{errors}");
    assert!(errors.contains("may be incomplete"), "{errors}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// Some programs join lines, so the last one has no end.
#[test]
fn the_last_line_may_have_no_end() {
    let cases = [("\n", false), ("\r\n\r\n", false), ("\n", true), ("\n\n", true)];
    in_parallel(cases, |(between, is_closed)| {
        let reply = format!("P2P-CI/1.0 200 OK{between}RFC 7 T h 1\nRFC 8 The Title h 25");
        let said = reply.clone();
        let other = Other::start(move |_, _| match is_closed {
            true => Act::SayAndClose(said.clone().into_bytes()),
            false => say(&said),
        });
        for command in [&["list"][..], &["lookup", "8"], &["search", "title"]] {
            let begun = Instant::now();
            let arguments = [&["--format", "json"], command].concat();
            let (code, output, errors) = other.run(&arguments, temporary().path());
            assert_eq!(code, 0, "{reply:?} {command:?}: {errors}");
            assert!(output.contains(r#""title":"The Title""#), "{reply:?} {command:?}: {output}");
            assert!(output.contains(r#""port":25"#), "{reply:?} {command:?}: {output}");
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(20), "{reply:?} {command:?}: {took:?}");
        }
    });
}

/// A message names the missing part and the found bytes.
#[test]
fn a_message_names_the_missing_part() {
    let directory = temporary();
    let other = Other::start(|_, _| {
        Act::SayAndClose(b"P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\nRFC 8 The".to_vec())
    });
    let (code, output, errors) = other.run(&["list"], directory.path());
    assert_eq!(code, 76);
    assert!(output.contains("RFC 7 T h 1"), "{output}");
    assert!(errors.contains("expected the rest of the reply"), "{errors}");
    assert!(errors.contains("`RFC 8 The`"), "{errors}");
}

#[test]
fn one_request_on_a_connection() {
    let port = uploader();
    let other = Other::start(move |request, _| {
        let row = match request.split(' ').nth(2) {
            Some("8") => format!("RFC 8 U localhost {port}\n"),
            _ => format!("RFC 7 T localhost {port}\n"),
        };
        Act::SayAndClose(format!("P2P-CI/1.0 200 OK\n{row}").into_bytes())
    });
    let directory = temporary();
    let (code, output, errors) = other.run(&["--share", ".", "get", "7", "8"], directory.path());
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(other.run(&["peers"], directory.path()).0, 0);
}

#[test]
fn line_feeds_after_a_505() {
    let other = Other::start(|request, _| match request.contains('\r') {
        true => say("P2P-CI/1.0 505 P2P-CI Version Not Supported\n"),
        false => say("P2P-CI/1.0 200 OK\nRFC 7 T h 1\n\n"),
    });
    let directory = temporary();
    let (code, output, errors) = other.run(&["lookup", "7"], directory.path());
    assert_eq!(code, 0, "{errors}");
    assert!(output.ends_with("RFC 7 T h 1\n\n"), "{output:?}");
    assert_eq!(other.requests().len(), 2);
    // Registration, too; and both line ends are tried once.
    fs::write(directory.path().join("rfc7.txt"), "seven").unwrap();
    let other_share = share(&other, directory.path());
    assert!(other_share.line().starts_with("registered 1 "));
    let refusing = Other::start(|_, _| say("P2P-CI/1.0 505 No\n"));
    assert_eq!(refusing.run(&["lookup", "7"], directory.path()).0, 76);
    assert_eq!(refusing.requests().len(), 2);
}

/// Bytes after a reply are not taken for the next one, and are reported, also after the last reply.
#[test]
fn unrequested_bytes_are_reported() {
    let directory = temporary();
    for (rest, found) in [
        ("BYE\r\n", "`BYE`"),
        ("P2P-CI peers: 9\r\n", "`P2P-CI peers: 9`"),
        ("\r\n\r\n", ""),
        ("END\r\n", ""),
    ] {
        let reply = format!("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n\r\n{rest}");
        let other = Other::start(move |_, _| say(&reply));
        for command in [&["list"][..], &["lookup", "7"], &["peers"]] {
            let (code, output, errors) = other.run(command, directory.path());
            assert_eq!(code, 0, "{rest:?} {command:?}: {errors}");
            assert!(
                output.contains("h 1") || output.contains("h:1"),
                "{rest:?} {command:?}: {output}"
            );
            let expected = format!("expected nothing, found {found}");
            let is_reported = !found.is_empty() && errors.contains(&expected);
            assert_eq!(is_reported, !errors.is_empty(), "{rest:?} {command:?}: {errors}");
            assert_eq!(is_reported, !found.is_empty(), "{rest:?} {command:?}: {errors}");
        }
    }
}

#[test]
fn bytes_after_a_document_are_reported_and_ignored() {
    for (rest, found) in [("JUNK", "`JUNK` is ignored"), ("\r\n", "")] {
        let reply = format!("P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody{rest}");
        let uploader = Other::start(move |_, _| Act::SayAndClose(reply.clone().into_bytes()));
        let port = uploader.address.port();
        let row = format!("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T localhost {port}\r\n\r\n");
        let other = Other::start(move |_, _| say(&row));
        for command in [&["get", "7"][..], &["sync"]] {
            let directory = temporary();
            let arguments = [&["--share", "."], command].concat();
            let (code, output, errors) = other.run(&arguments, directory.path());
            assert_eq!(code, 0, "{rest:?} {command:?}: {output}{errors}");
            assert_eq!(fs::read_to_string(directory.path().join("rfc7.txt")).unwrap(), "body");
            assert!(errors.contains(found), "{rest:?} {command:?}: {errors}");
            assert_eq!(errors.is_empty(), found.is_empty(), "{rest:?} {command:?}: {errors}");
        }
    }
}

/// A truncated reply is an error, or is reported as incomplete: for people and for programs, and
/// whatever the command.
#[test]
fn a_reply_that_is_cut_off_is_never_all_that_there_is() {
    const FOUND: &str = "P2P-CI/1.0 200 OK\r\n\r\n";
    let port = uploader();
    let row = format!("RFC 7 T localhost {port}\r\n");
    let in_record = format!("{FOUND}{row}RFC 8 The T");
    let cuts = [
        // In a record.
        (&in_record, true),
        // In the first record.
        (&format!("{FOUND}RFC 7 The T"), true),
        // Before the final empty line.
        (&format!("{FOUND}{row}"), false),
        (&FOUND.to_string(), false),
        (&"P2P-CI/1.0 200 OK\r\n".to_string(), false),
    ];
    let browse = format!("localhost:{port}");
    let commands: [&[&str]; 9] = [
        &["list"],
        &["peers"],
        &["search", "t"],
        &["browse", &browse],
        &["lookup", "7"],
        &["lookup", "7", "--probe"],
        &["--share", ".", "get", "7"],
        &["--share", ".", "get", "8", "9"],
        &["--share", ".", "sync", "--dry-run"],
    ];
    for (reply, is_in_record) in cuts {
        let said = reply.clone().into_bytes();
        let other = Other::start(move |_, _| Act::SayAndClose(said.clone()));
        for command in commands {
            let what = format!("{reply:?} {command:?}");
            let directory = temporary();
            let has_found = reply.contains(&row) && !command.contains(&"8");
            let is_download = command.contains(&"get");
            let expected = match (has_found, is_in_record) {
                // A document from a holder that is known is no less complete.
                (true, _) if is_download => 0,
                (true, false) if !command.contains(&"sync") => 0,
                _ => 76,
            };
            let (code, output, errors) = other.run(command, directory.path());
            assert_eq!(code, expected, "{what}: {output}{errors}");
            let says_so = [
                "expected the rest of the reply before the end",
                "without a final empty line",
                "before the index closed the connection",
            ];
            assert!(says_so.iter().any(|part| errors.contains(part)), "{what}: {errors}");
            let (_, output, errors) =
                other.run(&[&["--format", "json"], command].concat(), temporary().path());
            let is_marked = output.contains(r#""complete":false"#);
            let is_error = output.contains(r#""exit":76"#);
            assert!(is_marked || is_error, "{what}: {output}{errors}");
            assert_eq!(is_error, expected == 76, "{what}: {output}{errors}");
        }
        // It says whether the index can be used, for which one record is enough.
        let (code, _, errors) = other.run(&["status"], temporary().path());
        assert_eq!(code, if reply.contains(&row) { 0 } else { 76 }, "{reply:?}: {errors}");
    }
    // A document that may have a holder is still wanted.
    let said = in_record.into_bytes();
    let other = Other::start(move |_, _| Act::SayAndClose(said.clone()));
    let (directory, state) = (temporary(), temporary());
    let arguments = [&*other.address.to_string(), "--share", ".", "get", "8"];
    assert_eq!(run_peer_again(&arguments, state.path(), directory.path()).0, 76);
    let why = [&*other.address.to_string(), "--share", ".", "why", "8"];
    let (_, output, errors) = run_peer_again(&why, state.path(), directory.path());
    assert!(!output.contains("given up"), "{output}{errors}");
}
