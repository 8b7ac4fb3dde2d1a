//! `p2p-ci check`: our own programs pass every case, and a faulty one fails exactly the cases of its
//! fault.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod client_faults;
mod clients;
#[cfg(target_os = "linux")]
mod ending;
mod faulty_client;
mod faulty_index;
mod faulty_upload;
mod options;

use std::process::Command;

use crate::common::{self, Index, in_parallel};
use faulty_index::Fault;
use faulty_upload::Fault as UploadFault;
use serde_json::Value;

/// Runs `p2p-ci check`: exit code, standard output, standard error.
fn check(arguments: &[&str]) -> (i32, String, String) {
    let program = env!("CARGO_BIN_EXE_p2p-ci");
    let output = Command::new(program).arg("check").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The ids of the cases that fail.
fn failing(arguments: &[&str]) -> Vec<String> {
    let (code, output, errors) = check(&[arguments, &["--json"]].concat());
    let object: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{errors}"));
    let cases = object["cases"].as_array().unwrap();
    let failed = cases.iter().filter(|case| case["passed"] == false);
    let failed: Vec<String> = failed.map(|case| case["id"].as_str().unwrap().into()).collect();
    assert_eq!(code, i32::from(!failed.is_empty()), "{output}");
    failed
}

#[test]
fn the_index_server_passes_every_case_again_and_again() {
    let index = Index::start(&[]);
    for _ in 0..2 {
        let (code, output, errors) =
            check(&["server", &index.address.to_string(), "--level", "extension"]);
        assert_eq!(code, 0, "{output}{errors}");
        assert!(output.ends_with(" of 72 cases passed; grade 100.0 of 100\n"), "{output}");
    }
    // With explanations in its refusals, too.
    let index = Index::start(&["--explain"]);
    let address = index.address.to_string();
    assert_eq!(failing(&["server", &address, "--level", "extension"]), [""; 0]);
}

/// On a machine with two ports for connections, one to a port on which nobody listens was one to itself: half of
/// them passed for a server that fails every case.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_checked_where_nobody_listens() {
    let script =
        "ip link set lo up && echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range || exit 77
        for port in 40000 40001; do
            p2p-ci check server 127.0.0.1:$port; echo check $?
            p2p-ci peer 127.0.0.1:$port list; echo list $?
        done";
    let output = common::run_on_own_machine(script, &std::env::temp_dir());
    let found = String::from_utf8(output.stdout).unwrap();
    if !found.contains("check ") {
        return common::skip("there is no network namespace with ports of its own here");
    }
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(found, "check 69\nlist 69\n".repeat(2), "{errors}");
}

#[test]
fn the_upload_server_passes_every_case() {
    let index = Index::start(&[]);
    let root = tempfile::tempdir().unwrap();
    let text = b"text\r\nof\nan RFC\n".repeat(1_000);
    let directory = common::directory(root.path(), "a library", &[("rfc90001.txt", &text[..])]);
    let (_peer, port) = common::share(index.address, &directory);
    let address = format!("127.0.0.1:{port}");
    let (code, output, errors) = check(&["uploader", &address, "90001", "--level", "extension"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.ends_with("29 of 29 cases passed; grade 100.0 of 100\n"), "{output}");
}

#[test]
fn a_faulty_index_server_fails_exactly_the_cases_of_its_fault() {
    in_parallel(FAULTS, |(fault, expected)| {
        let address = faulty_index::start(fault).to_string();
        assert_eq!(failing(&["server", &address]), expected, "{fault:?}");
    });
}

/// The hint of a case does not lead away from the fault.
#[test]
fn hints_name_the_fault() {
    let table: [(Fault, &[(&str, &str)]); 4] = [
        (
            Fault::AnyPort,
            &[("port-word", "check that Port is a number"), ("port-range", "1 to 65535")],
        ),
        (Fault::ControlCharacters, &[("control-character", "refuse control characters")]),
        (Fault::ClosesAfterRefusal, &[("pipelining", "ends a request, not the connection")]),
        (
            Fault::OneConnection,
            &[
                ("lookup-two-holders", "connection in a thread of its own"),
                ("equal-records", "connection in a thread of its own"),
                ("half-request", "hold no lock while you wait"),
            ],
        ),
    ];
    in_parallel(table, |(fault, hints)| {
        let address = faulty_index::start(fault).to_string();
        let (_, output, _) = check(&["server", &address, "--json"]);
        let object: Value = serde_json::from_str(&output).unwrap();
        for (id, part) in hints {
            let cases = object["cases"].as_array().unwrap();
            let case = cases.iter().find(|case| case["id"] == *id).unwrap();
            assert!(case["hint"].as_str().unwrap().contains(part), "{fault:?}: {case}");
        }
    });
}

#[test]
fn a_faulty_upload_server_fails_exactly_the_cases_of_its_fault() {
    in_parallel(UPLOAD_FAULTS, |(fault, expected)| {
        let address = faulty_upload::start(fault).to_string();
        assert_eq!(failing(&["uploader", &address, "793"]), expected, "{fault:?}");
    });
}

const FAULTS: [(Fault, &[&str]); 41] = [
    (
        Fault::OneConnection,
        &[
            "lookup-two-holders",
            "list-two-holders",
            "two-connections",
            "leave-others-stay",
            "lookup-newest-first",
            "equal-records",
            "foreign-title",
            "lookup-other-host",
            "half-request",
        ],
    ),
    (Fault::None, &[]),
    (Fault::LineFeeds, &["reply-line-ends"]),
    (Fault::NoLineAfterStatus, &["reply-line-after-status"]),
    (Fault::NoLineAtEnd, &["reply-line-at-end"]),
    (Fault::TwoLinesAfterRefusal, &["reply-refusal"]),
    (Fault::Greets, &["no-greeting"]),
    (Fault::EmptyListMissing, &["list-empty"]),
    (
        Fault::LookupOfNothingFound,
        &[
            "lookup-missing",
            "leave-lookup",
            "leave-reset",
            "reply-refusal",
            "pipelining",
            "fault-adds-nothing",
        ],
    ),
    (Fault::KeepsRecords, &["leave-lookup", "leave-list", "leave-others-stay", "leave-reset"]),
    (Fault::KeepsRecordsOfReset, &["leave-reset"]),
    (Fault::RemovesByNumber, &["leave-others-stay", "equal-records"]),
    (Fault::OldestFirst, &["lookup-newest-first"]),
    (Fault::ListUnsorted, &["list-order"]),
    (Fault::ListsEqualRecords, &["equal-records"]),
    (Fault::AppendsAlways, &["add-twice", "add-new-title", "equal-records"]),
    (
        Fault::ReplacesByNumber,
        &[
            "lookup-two-holders",
            "list-two-holders",
            "lookup-newest-first",
            "equal-records",
            "foreign-title",
        ],
    ),
    (Fault::ComparesTitle, &["lookup-title"]),
    (Fault::HeadersByCase, &["header-case"]),
    (Fault::HeadersUntrimmed, &["header-blanks"]),
    (Fault::SplitsAtEachBlank, &["request-blanks"]),
    (Fault::RefusesUnknownHeaders, &["header-unknown"]),
    (Fault::NeedsCrlf, &["line-feed"]),
    (Fault::OneReadPerRequest, &["bytewise", "two-parts", "pipelining"]),
    (Fault::DropsPipelined, &["pipelining"]),
    (Fault::ClosesAfterRefusal, &["pipelining", "after-fault", "fault-adds-nothing"]),
    (Fault::NoVersionStatus, &["version-unknown", "version-first", "after-fault"]),
    (Fault::MethodFirst, &["version-first"]),
    (Fault::AnyPort, &["port-word", "port-range", "fault-adds-nothing"]),
    (Fault::SignedNumbers, &["number-negative", "number-leading-zero"]),
    (Fault::HeadersOptional, &["host-missing", "port-missing", "title-missing"]),
    (Fault::HeadersTwice, &["header-twice"]),
    (Fault::HeadersWithoutColon, &["header-no-colon"]),
    (Fault::EndlessLines, &["line-endless"]),
    (Fault::ControlCharacters, &["control-character"]),
    (Fault::AsciiTitles, &["title-utf8"]),
    (Fault::TitleToColon, &["title-blanks"]),
    (Fault::NoEmptyTitle, &["title-empty"]),
    (Fault::ListOfAnything, &["list-scope"]),
    (Fault::WordsIgnored, &["words-surplus"]),
    (Fault::EmptyLineIsRequest, &["empty-lines-before"]),
];

const UPLOAD_FAULTS: [(UploadFault, &[&str]); 18] = [
    (UploadFault::None, &[]),
    (UploadFault::NoDate, &["head-date"]),
    (UploadFault::UnreadableDate, &["head-date"]),
    (UploadFault::NoOs, &["head-os"]),
    (UploadFault::NoLastModified, &["head-last-modified"]),
    (UploadFault::NoLength, &["head-content-length", "length-exact"]),
    (UploadFault::NoType, &["head-content-type"]),
    (UploadFault::ShortLength, &["length-exact"]),
    (UploadFault::LineFeeds, &["head-form"]),
    (UploadFault::MissingIsBad, &["get-missing"]),
    (UploadFault::NoVersionStatus, &["get-version"]),
    (UploadFault::HostOptional, &["get-host-missing"]),
    (UploadFault::ComparesHost, &["get-other-host"]),
    (UploadFault::NeedsOs, &["get-no-os"]),
    (UploadFault::OneClient, &["get-parallel"]),
    (UploadFault::StaysOpen, &["close-after"]),
    (UploadFault::EndlessLines, &["get-endless-line"]),
    // It serves one client at a time, and no connection without a request comes before that case.
    (UploadFault::EndsAtEmptyConnection, &["get-parallel"]),
];
