//! `--record`: the connections of real programs as pcapng, read by `p2p-ci explain` and by tshark.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod wire;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{Index, Program, run_peer, skip};

/// The lines of `p2p-ci explain`, with single blanks.
fn explain(record: &Path) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    let Output { status, stdout, .. } = command.arg("explain").arg(record).output().unwrap();
    assert!(status.success());
    let text = String::from_utf8(stdout).unwrap();
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Checks that the lines have these, in this order.
fn check(found: &[String], expected: &[&str]) {
    let mut rest = found.iter();
    for line in expected {
        assert!(rest.any(|found| found.contains(line)), "{line}\n{}", found.join("\n"));
    }
}

/// Fields of the frames that match a filter, a line for each frame; nothing without tshark.
fn tshark(record: &Path, filter: &str, field: &str) -> Option<Vec<String>> {
    let dissector = Path::new(env!("CARGO_MANIFEST_DIR")).join("wireshark/p2pci.lua");
    let script = format!("lua_script:{}", dissector.display());
    let mut command = Command::new("tshark");
    command.args(["-2", "-X", &script, "-Y", filter, "-T", "fields", "-e", field, "-r"]);
    let Ok(output) = command.arg(record).env("LC_ALL", "C.UTF-8").output() else {
        skip("tshark is not installed");
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !errors.contains("Lua"), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(str::to_string).collect())
}

/// The path of a record as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_download_is_recorded_by_server_holder_and_client() {
    let root = tempfile::Builder::new().prefix("rec ord").tempdir().unwrap();
    let [of_server, of_holder, of_client, cut] =
        ["server", "holder", "client", "cut"].map(|name| root.path().join(name));
    let (a, b, c) = (root.path().join("a"), root.path().join("b"), root.path().join("c"));
    fs::create_dir(&a).unwrap();
    fs::write(a.join("rfc90001.txt"), vec![b'x'; 300_000]).unwrap();
    let mut index = Index::start(&["--record", text(&of_server)]);
    let server = index.address.to_string();
    let share = [&server, "--share", text(&a), "--record", text(&of_holder), "share"];
    let mut holder = Program::start(env!("CARGO_BIN_EXE_peer"), &share, root.path());
    // Repeated LISTs would fill the record with connections whose ports are reused.
    while !holder.line().starts_with("registered ") {}
    for (directory, record, more) in [(&b, &of_client, Some("--record-bodies")), (&c, &cut, None)] {
        let mut arguments = vec!["--share", text(directory), "--record", text(record)];
        arguments.extend(more);
        arguments.extend(["get", "90001"]);
        let arguments = [&[server.as_str()], arguments.as_slice()].concat();
        let (code, _, errors) = run_peer(&arguments, "", root.path());
        assert_eq!(code, 0, "{errors}");
        assert!(directory.join("rfc90001.txt").is_file());
    }
    for program in [&mut holder, &mut index.program] {
        program.signal("TERM");
        assert_eq!(program.wait().code(), Some(0));
    }
    let added =
        ["C: ADD RFC 90001 P2P-CI/1.0 4.1", "S: P2P-CI/1.0 200 OK 3.2 the reply to ADD RFC 90001"];
    check(&explain(&of_server), &added);
    check(&explain(&of_server), &["C: LOOKUP RFC 90001 P2P-CI/1.0", "S: RFC 90001 "]);
    check(&explain(&of_holder), &added);
    for (record, body) in [
        (&of_holder, "300000 bytes of the document, 234464 of them not recorded"),
        (&of_client, "5.3 300000 bytes of the document"),
        (&cut, "300000 bytes of the document, 234464 of them not recorded"),
    ] {
        let found = explain(record);
        check(&found, &["C: GET RFC 90001 P2P-CI/1.0", "S: Content-Length: 300000", body]);
        let is_cut = found.iter().any(|line| line.contains("not recorded"));
        assert_eq!(is_cut, body.contains("not recorded"));
        let violations: Vec<_> = found.iter().filter(|line| line.starts_with('!')).collect();
        assert!(violations.is_empty(), "{violations:?}");
        let length = fs::metadata(record).unwrap().len();
        assert_eq!(length > 300_000, record == &of_client, "{length}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(record).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    let Some(methods) = tshark(&of_server, "p2pci.method", "p2pci.method") else { return };
    assert!(methods.iter().any(|method| method == "ADD") && methods.contains(&"LOOKUP".into()));
    let lengths = tshark(&of_client, "p2pci.document.length", "p2pci.document.length").unwrap();
    assert!(lengths.contains(&"300000".into()), "{lengths:?}");
    for record in [&of_server, &of_holder, &of_client, &cut] {
        // Wireshark finds no gap, and no segment of an unknown connection.
        let lost = "tcp.analysis.lost_segment or tcp.analysis.ack_lost_segment or _ws.malformed";
        assert_eq!(tshark(record, lost, "frame.number").unwrap(), [""; 0], "{record:?}");
        let opened = tshark(record, "tcp.flags.syn == 1 and tcp.flags.ack == 0", "frame.number");
        let ended = tshark(record, "tcp.flags.fin == 1", "tcp.stream").unwrap();
        assert!(!opened.unwrap().is_empty() && !ended.is_empty());
    }
}

#[test]
fn an_existing_file_is_replaced_only_if_that_is_wanted() {
    let root = tempfile::tempdir().unwrap();
    let record = root.path().join("record");
    fs::write(&record, "mine").unwrap();
    let server = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).output().unwrap()
    };
    let refused = server(&["--record", text(&record)]);
    assert_eq!(refused.status.code(), Some(74));
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(errors.contains("or replace it with `--record-force`"), "{errors}");
    assert_eq!(fs::read(&record).unwrap(), b"mine");
    let directory = server(&["--record", text(root.path()), "--record-force"]);
    assert_eq!(directory.status.code(), Some(74));
    for option in ["--record-force", "--record-bodies", "--record-limit=1M"] {
        assert_eq!(server(&[option]).status.code(), Some(2), "{option}");
    }
    assert_eq!(server(&["--record", "x", "--record-limit", "1"]).status.code(), Some(2));
    let list = ["127.0.0.1:1", "list", "--record", text(&record)];
    assert_eq!(run_peer(&list, "", root.path()).0, 74);
    let index = Index::start(&["--record", text(&record), "--record-force"]);
    index.list();
    assert!(fs::read(&record).unwrap().starts_with(b"\x0A\x0D\x0D\x0A"));
}

#[test]
fn a_record_ends_at_its_limit_and_the_program_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let record = root.path().join("record");
    let index = Index::start(&["--record", text(&record), "--record-limit", "2KiB"]);
    for _ in 0..20 {
        index.list();
    }
    index.program.error_with("the record of connections ends here");
    let length = fs::metadata(&record).unwrap().len();
    assert!(length <= 2048, "{length}");
    check(&explain(&record), &["C: LIST ALL P2P-CI/1.0"]);
}
