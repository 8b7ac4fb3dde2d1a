//! A refusal is not an empty answer (protocol.md sections 4.9 and 6.1).

use std::time::{Duration, Instant};

use crate::common::{self, in_parallel};
use crate::other_indexes::fake::{Act, Other, has_extension, say, temporary, uploader};

#[test]
fn a_refusal_is_no_empty_answer() {
    let directory = temporary();
    in_parallel([(400, 76), (416, 76), (503, 69), (505, 76), (404, 66)], |(code, expected)| {
        let refusing = move |_: &str, _| {
            say(format!("P2P-CI/1.0 {code} No\r\nReason: because of the test\r\n\r\n"))
        };
        let commands: [&[&str]; 9] = [
            &["--share", ".", "sync"],
            &["--share", ".", "get", "7"],
            &["--share", ".", "get", "7", "8"],
            &["lookup", "7", "--probe"],
            &["lookup", "7"],
            &["list"],
            &["peers"],
            &["search", "x"],
            &["status"],
        ];
        for command in commands {
            let is_lookup = command.iter().any(|word| ["get", "lookup"].contains(word));
            // 404 is the answer to LIST and SEARCH of servers with an empty list.
            let expected = if code == 404 && !is_lookup { 0 } else { expected };
            let other = Other::start(refusing);
            let (found, output, errors) = other.run(command, directory.path());
            assert_eq!(found, expected, "{code} {command:?}: {output}{errors}");
            let says = format!("{output}{errors}");
            // The hint is about 400 alone.
            let has_hint = errors.contains("400 is also the reply of a peer");
            assert!(!has_hint || code == 400, "{code} {command:?}: {says}");
            if expected != 0 && code != 404 {
                assert!(says.contains(&code.to_string()), "{code} {command:?}: {says}");
                assert!(says.contains("because of the test"), "{code} {command:?}: {says}");
            }
        }
    });
}

#[test]
fn a_refusal_keeps_wanted_documents() {
    let directory = temporary();
    let state = temporary();
    let other = Other::start(|_, _| say("P2P-CI/1.0 503 Service Unavailable\r\n\r\n"));
    let index = other.address.to_string();
    let get = |arguments: &[&str]| {
        let arguments = [&[index.as_str(), "--share", "."], arguments].concat();
        common::run_peer_again(&arguments, state.path(), directory.path())
    };
    assert_eq!(get(&["get", "7"]).0, 69);
    // Without an argument: what is unfinished.
    let (code, output, errors) = get(&["get"]);
    assert_eq!(code, 69, "{output}{errors}");
}

/// The addresses of holders with host names are looked up before `sync` downloads. What needs none is
/// downloaded, whatever becomes of that.
#[test]
fn a_sync_without_addresses_of_named_holders_downloads_from_the_others() {
    const REFUSED: &str = "P2P-CI/1.0 503 Service Unavailable\r\nAttributes: 1\r\n\r\n";
    // Cut within a record, after an attribute has shown the extension.
    const CUT: &str = "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T a.invalid 5000\r\n\
                       Added: Sun, 06 Nov 1994 08:49:37 GMT\r\nRFC";
    for reply in [REFUSED, CUT] {
        let port = uploader();
        let other = Other::start(move |request, _| match request {
            _ if request.starts_with("LOOKUP ") && reply == CUT => {
                Act::SayAndClose(reply.as_bytes().to_vec())
            }
            _ if request.starts_with("LOOKUP ") => say(reply),
            _ if request.starts_with("LIST FILES") => say("P2P-CI/1.0 200 OK\r\n\r\n\r\n"),
            _ => say(format!(
                "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T 127.0.0.1 {port}\r\n\
                 RFC 8 T a.invalid 5000\r\n\r\n"
            )),
        });
        let directory = temporary();
        let (code, output, errors) = other.run(&["--share", ".", "sync"], directory.path());
        assert!(directory.path().join("rfc7.txt").exists(), "{output}{errors}");
        assert_ne!(code, 0, "RFC 8 is missing: {output}{errors}");
        assert!(errors.contains("verified addresses of all holders"), "{output}{errors}");
    }
}

#[test]
fn a_refusal_is_complete_at_its_status_line() {
    let directory = temporary();
    let other = Other::start(|_, _| say("P2P-CI/1.0 404 Not Found\n"));
    let begun = Instant::now();
    assert_eq!(other.run(&["lookup", "7"], directory.path()).0, 66);
    assert_eq!(other.run(&["list"], directory.path()).0, 0);
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_search_is_answered_by_the_list_if_the_400_has_no_empty_line() {
    let directory = temporary();
    let other = Other::start(|request, _| match request.split(' ').next() {
        Some("SEARCH") => say("P2P-CI/1.0 400 Bad Request\n"),
        _ => say("P2P-CI/1.0 200 OK\nRFC 8 A House h 1\nRFC 9 A Tree h 1\n"),
    });
    let (code, output, errors) = other.run(&["search", "house"], directory.path());
    assert_eq!((code, output.as_str()), (0, "RFC 8 A House h 1\n"), "{errors}");
}

/// A server that ends the connection when it is asked something that it does not know.
#[test]
fn a_search_where_the_connection_is_closed() {
    let directory = temporary();
    let other = Other::start(|request, _| match request.split(' ').next() {
        Some("SEARCH") => Act::SayAndClose(Vec::new()),
        _ => say("P2P-CI/1.0 200 OK\r\n\r\nRFC 8 A House h 1\r\n\r\n"),
    });
    let (code, output, errors) = other.run(&["search", "house"], directory.path());
    assert_eq!((code, output.as_str()), (0, "RFC 8 A House h 1\n"), "{errors}");
}

/// A server that answers one request with two refusals, and titles with what follows them.
#[test]
fn nothing_is_shifted_by_a_second_refusal() {
    let port = uploader();
    let other = Other::start(move |request, _| {
        if request.contains("Want-Attributes") {
            return say("P2P-CI/1.0 400 Bad Request\r\n\r\nP2P-CI/1.0 400 Bad Request\r\n\r\n");
        }
        say(format!("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T localhost {port}\r\n\r\n"))
    });
    let directory = temporary();
    let (code, output, errors) = other.run(&["--share", ".", "get", "7"], directory.path());
    assert_eq!(code, 0, "{output}{errors}");
    assert!(errors.contains("expected nothing, found"), "{errors}");
    assert!(errors.contains("the connection is replaced"), "{errors}");
}

/// A server that finds documents by title, or not at all: its list is requested once.
#[test]
fn the_list_is_requested_once_where_lookup_finds_nothing() {
    let port = uploader();
    for refusal in ["404 Not Found", "400 Bad Request"] {
        let other = Other::start(move |request, _| match request.split(' ').next() {
            Some("LOOKUP") => say(format!("P2P-CI/1.0 {refusal}\r\n\r\n")),
            _ => say(format!(
                "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T localhost {port}\r\nRFC 8 U localhost {port}\r\n\r\n"
            )),
        });
        let directory = temporary();
        let (code, output, errors) =
            other.run(&["--share", ".", "get", "7", "8"], directory.path());
        assert_eq!(code, 0, "{output}{errors}");
        let requests = other.requests();
        let lists = requests.iter().filter(|request| request.starts_with("LIST ")).count();
        assert_eq!(lists, 1, "{requests:#?}");
        assert!(requests.iter().all(|request| !has_extension(request)), "{requests:#?}");
        let (code, output, errors) = other.run(&["lookup", "8"], directory.path());
        assert_eq!((code, output), (0, format!("RFC 8 U localhost {port}\n")), "{errors}");
    }
}

/// Each command for each refusal of each request: an exit code, and the status in JSON.
#[test]
fn commands_and_refusals() {
    const FOUND: &str = "P2P-CI/1.0 200 OK\r\n\r\n";
    let port = uploader();
    // An index that refuses the requests that begin with `prefix`. It shows an extension if `knows`.
    let refusing = move |prefix: &'static str, code: u16, knows: bool| {
        Other::start(move |request, _| {
            if request.starts_with(prefix) {
                return say(format!("P2P-CI/1.0 {code} No\r\nReason: of the test\r\n\r\n"));
            }
            let is_of_7 = request.starts_with("LOOKUP RFC 7 ");
            if request.starts_with("LIST ALL") || request.starts_with("SEARCH") || is_of_7 {
                let added = match knows && request.contains("Want-Attributes") {
                    true => "Added: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                    false => "",
                };
                return say(format!("{FOUND}RFC 7 Seven localhost {port}\r\n{added}\r\n"));
            }
            match request.starts_with("LIST FILES") {
                true => say(format!("{FOUND}\r\n")),
                false => say("P2P-CI/1.0 404 Not Found\r\n\r\n"),
            }
        })
    };
    let peer = format!("localhost:{port}");
    let codes = |refusal| match refusal {
        404 => 66,
        503 => 69,
        _ => 76,
    };
    // The refused request, whether the index shows extensions, the command, the codes for 400, 404,
    // 416, 503 and 505.
    let every = [400, 404, 416, 503, 505];
    let but_404 = [76, 0, 76, 69, 76];
    let but_400_and_404 = [0, 0, 76, 69, 76];
    let browse = ["browse", &peer];
    let cases: [(&'static str, bool, &[&str], [i32; 5]); 18] = [
        ("LIST ALL", true, &["list"], but_404),
        ("LIST ALL", true, &["peers"], but_404),
        ("LIST ALL", true, &["status"], but_404),
        ("LIST ALL", true, &["sync"], but_404),
        // A FILE may be unknown to an index that knows attributes.
        ("LIST FILES", true, &["peers"], but_400_and_404),
        ("LIST FILES", true, &browse, but_400_and_404),
        ("LIST FILES", true, &["sync"], but_400_and_404),
        ("LIST FILES", true, &["list", "--files"], but_404),
        ("LOOKUP", true, &["get", "7", "--force"], [0, 0, 76, 69, 76]),
        // After 400 the list decides, and after 404 where no extension is known.
        ("LOOKUP", false, &["get", "8"], [66, 66, 76, 69, 76]),
        ("LOOKUP", false, &["get", "8", "9"], [66, 66, 76, 69, 76]),
        ("LOOKUP", false, &["lookup", "8"], [66, 66, 76, 69, 76]),
        ("LOOKUP", false, &["lookup", "8", "--probe"], [66, 66, 76, 69, 76]),
        ("LOOKUP", false, &["lookup", "7"], [0, 0, 76, 69, 76]),
        // LOOKUP has said that it knows none.
        ("LIST", false, &["get", "8"], [66; 5]),
        ("LIST", false, &["lookup", "8"], [66; 5]),
        ("LIST", false, &["lookup", "8", "--probe"], [66; 5]),
        ("SEARCH", true, &["search", "seven"], but_400_and_404),
    ];
    let each = cases.into_iter().flat_map(|(prefix, knows, command, expected)| {
        let expected = every.into_iter().zip(expected);
        expected.map(move |(refusal, code)| (prefix, knows, command, refusal, code))
    });
    in_parallel(each, |(prefix, knows, command, refusal, expected)| {
        let directory = temporary();
        for json in [false, true] {
            let other = refusing(prefix, refusal, knows);
            let format: &[&str] = if json { &["--format", "json"] } else { &[] };
            let arguments = [&["--share", "."], format, command].concat();
            let (code, output, errors) = other.run(&arguments, directory.path());
            let what = format!("{refusal} to {prefix}, {arguments:?}: {output}{errors}");
            assert_eq!(code, expected, "{what}");
            let is_passed_on = expected != 0 && expected == codes(refusal) && expected != 66;
            if json && is_passed_on {
                let has_status = |line: &str| {
                    let object: serde_json::Value = serde_json::from_str(line).unwrap();
                    object["status"] == refusal
                        && object["phrase"].is_string()
                        && object["error"]["exit"] == expected
                };
                assert!(output.lines().any(has_status), "{what}");
            }
            let is_unlisted = (prefix, refusal) == ("LIST FILES", 400) && expected == 0;
            assert!(!is_unlisted || errors.contains("are not listed"), "{what}");
        }
    });
}

/// A refused list is named, too, when a document cannot be fetched.
#[test]
fn sync_names_the_refused_list_and_the_document() {
    let directory = temporary();
    let holder = Other::start(|_, _| say("P2P-CI/1.0 404 Not Found\r\n\r\n"));
    let port = holder.address.port();
    let other = Other::start(move |request, _| {
        let record = format!("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 Seven 127.0.0.1 {port}\r\n");
        match request.split(' ').take(2).collect::<Vec<_>>()[..] {
            ["LIST", "FILES"] => {
                say("P2P-CI/1.0 503 Service Unavailable\r\nReason: of the test\r\n\r\n")
            }
            ["LOOKUP", _] => say(record + "Added: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
            _ => say(record + "\r\n"),
        }
    });
    let (code, output, errors) = other.run(&["--share", ".", "sync"], directory.path());
    assert_ne!(code, 0, "{output}{errors}");
    for part in ["RFC 7", "503 Service Unavailable", "of the test"] {
        assert!(errors.contains(part), "{part}: {output}{errors}");
    }
}

/// No message names documents that were not downloaded.
#[test]
fn a_dry_run_of_a_truncated_list_reports_possibly_missing_documents() {
    let directory = temporary();
    let other = Other::start(move |_, _| {
        Act::SayAndClose(b"P2P-CI/1.0 200 OK\r\n\r\nRFC 7 Seven 127.0.0.1 9\r\n".to_vec())
    });
    let arguments = ["--share", ".", "sync", "--dry-run"];
    let (code, output, errors) = other.run(&arguments, directory.path());
    assert_eq!(code, 76, "{output}{errors}");
    assert!(errors.contains("peer: documents may be missing from the list: "), "{errors}");
    assert!(!errors.contains("listed is here"), "{errors}");
    // The same if nothing that was listed is missing.
    std::fs::write(directory.path().join("rfc7.txt"), "seven").unwrap();
    for dry_run in [&["--dry-run"][..], &[]] {
        let arguments = [&["--share", ".", "sync"], dry_run].concat();
        let (code, output, errors) = other.run(&arguments, directory.path());
        let says = format!("{output}{errors}");
        assert_eq!(code, 76, "{says}");
        assert!(says.contains("nothing to do: no document that was listed is missing"), "{says}");
    }
}

#[test]
fn records_of_another_document_are_no_answer() {
    let directory = temporary();
    let other = Other::start(|_, _| say("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n\r\n"));
    for format in ["raw", "table", "json"] {
        let (code, output, errors) =
            other.run(&["--format", format, "lookup", "8"], directory.path());
        assert_eq!(code, 76, "{format}: {output}{errors}");
        assert!(errors.contains("expected records of RFC 8, found a record of RFC 7"), "{errors}");
        assert!(!output.contains("h 1") && !output.contains("\"host\""), "{output}");
    }
    for arguments in [&["get", "8"][..], &["get", "8", "9"], &["lookup", "--probe", "8"]] {
        let (code, output, errors) = other.run(arguments, directory.path());
        assert_eq!(code, 76, "{arguments:?}: {output}{errors}");
        assert!(errors.contains("expected records of RFC 8, found a record of RFC 7"), "{errors}");
    }
    assert_eq!(other.run(&["lookup", "7"], directory.path()).0, 0);
    let both = "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\nRFC 8 T h 1\r\n\r\n";
    let other = Other::start(move |_, _| say(both));
    let (code, output, errors) = other.run(&["lookup", "8"], directory.path());
    assert!(code == 0 && output.contains("RFC 8 T h 1") && !output.contains("RFC 7"), "{output}");
    assert!(errors.contains("records of other documents, such as RFC 7"), "{errors}");
}
