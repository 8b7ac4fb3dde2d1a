//! `add` and `remove` in the shell, at index servers of other programs (protocol.md section 8.5).

use std::fs;

use crate::common::run_peer;
use crate::other_indexes::announcing::{ACCEPTED, BAD, NONE, added, write_rfcs};
use crate::other_indexes::fake::{Act, Other, has_extension, say, temporary};

/// `add` and `remove` in the shell: no REMOVE and no second ADD on a connection.
#[test]
fn commands_of_the_shell_send_no_remove_and_no_second_add() {
    for closes in [false, true] {
        let directory = temporary();
        write_rfcs(directory.path(), 1..=3);
        let other = Other::start(move |request, _| {
            let reply = match request {
                _ if request.starts_with("LOOKUP") => NONE,
                _ if request.starts_with("ADD RFC 3 ") => BAD,
                _ => ACCEPTED,
            };
            match closes {
                true => Act::SayAndClose(reply.into()),
                false => say(reply),
            }
        });
        let index = other.address.to_string();
        let script = "add 1\nadd 3\nremove 9\nremove 2\nadd 2\n";
        let arguments = [&*index, "--share", ".", "--upload", "127.0.0.1:0"];
        let (code, output, errors) = run_peer(&arguments, script, directory.path());
        let says = format!("closes {closes}: {output}{errors}");
        assert_ne!(code, 0, "{says}");
        assert!(output.contains("registered 2 "), "{says}");
        assert!(output.contains("RFC 1 rfc1.txt "), "{says}");
        assert!(errors.contains("RFC 1 is registered, and is not sent"), "{says}");
        assert!(errors.contains("the index has refused RFC 3 before"), "{says}");
        assert!(output.contains("404 Not Found"), "{says}");
        assert!(errors.contains("has not shown that it knows REMOVE"), "{says}");
        let requests = other.requests();
        assert!(requests.iter().all(|request| !has_extension(request)), "{requests:#?}");
        let again = if closes { &[][..] } else { &["1", "3", "2"] };
        assert_eq!(added(&requests), [&["1", "2", "3"], again].concat(), "{says}");
    }
}

/// A document without a record is not shared any more, and that is no failure.
#[test]
fn a_document_that_was_not_registered_can_be_removed() {
    let directory = temporary();
    write_rfcs(directory.path(), 1..=2);
    fs::write(directory.path().join("a.md"), "a").unwrap();
    let other = Other::start(move |request, _| {
        let is_refused = request.starts_with("ADD RFC 2 ");
        say(match request.starts_with("LOOKUP") {
            true => NONE,
            false if is_refused => BAD,
            false => ACCEPTED,
        })
    });
    let index = other.address.to_string();
    let arguments = [&*index, "--share", ".", "--upload", "127.0.0.1:0"];
    for document in ["a.md", "2"] {
        let script = format!("remove {document}\n");
        let (code, output, errors) = run_peer(&arguments, &script, directory.path());
        let says = format!("{document}: {output}{errors}");
        assert_eq!(code, 0, "{says}");
        assert!(errors.contains("is not shared any more; it was not registered"), "{says}");
        assert!(!errors.contains("is not shared here"), "{says}");
        let script = format!("remove {document}\nremove {document}\n");
        let (code, output, errors) = run_peer(&arguments, &script, directory.path());
        assert_eq!(code, 66, "{output}{errors}");
    }
}

/// Where nothing is sent, the record that stands is printed in every format.
#[test]
fn commands_of_the_shell_print_the_record_that_stands() {
    let formats = ["json", "table", "raw"];
    let cases = formats.iter().flat_map(|&format| [(false, format), (true, format)]);
    for (closes, format) in cases {
        let directory = temporary();
        write_rfcs(directory.path(), 1..=3);
        let other = Other::start(move |request, _| {
            let reply = if request.starts_with("LOOKUP") { NONE } else { ACCEPTED };
            match closes {
                true => Act::SayAndClose(reply.into()),
                false => say(reply),
            }
        });
        let index = other.address.to_string();
        let script = "add 1 --title Other\nremove 2\n";
        let arguments = [&*index, "--format", format, "--share", ".", "--upload", "127.0.0.1:0"];
        let (code, output, errors) = run_peer(&arguments, script, directory.path());
        let says = format!("closes {closes}, {format}: {output}{errors}");
        assert_eq!(code, 0, "{says}");
        assert!(errors.contains("RFC 1 is registered as it was added first"), "{says}");
        assert!(errors.contains("has not shown that it knows REMOVE"), "{says}");
        // With their former titles.
        assert!(output.contains("rfc1.txt") && output.contains("rfc2.txt"), "{says}");
    }
}
