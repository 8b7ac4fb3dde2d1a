//! Submissions that are upload servers.

use std::fs;

use super::{Class, has_namespaces, program};

#[test]
fn upload_servers_find_an_index_server_and_may_choose_their_port() {
    if !has_namespaces() {
        return;
    }
    let class = Class::new();
    for (name, start) in [
        ("chooses", "./peer localhost --share . share"),
        ("told", "./peer localhost --share . --upload 127.0.0.1:{port} share"),
    ] {
        let directory = class.directory().join(name);
        fs::create_dir(&directory).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_peer"), directory.join("peer")).unwrap();
        fs::write(directory.join("rfc90001.txt"), b"text\nof an RFC\n".repeat(300)).unwrap();
        fs::write(directory.join("start"), start).unwrap();
    }
    let mut command = program();
    command.args(["check", "uploader", "--rfc", "90001", "--class"]).arg(class.directory());
    let output = command.env("TMPDIR", class.temporary()).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert_eq!(table.matches(" 100.0 ").count(), 2, "{table}");
}
