//! The dissector in Lua 5.4, which newer versions of Wireshark have: with a stand-in for Wireshark's API.

use std::path::Path;
use std::process::Command;

use crate::common::skip;
use crate::wireshark::tshark::{dissector, is_installed, output};

#[test]
fn the_dissector_has_the_version_of_this_crate() {
    let source = include_str!("../../../wireshark/p2pci.lua");
    assert!(source.contains(concat!("\nlocal VERSION = \"", env!("CARGO_PKG_VERSION"), "\"\n")));
}

#[test]
fn the_dissector_runs_in_lua_5_4() {
    if !is_installed("lua5.4") || !is_installed("luac5.4") {
        return skip("lua5.4 is not installed");
    }
    output(Command::new("luac5.4").arg("-p").arg(dissector()));
    let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/wireshark/stub.lua");
    let text = output(Command::new("lua5.4").arg(stub).arg(dissector()));
    assert_eq!(text, "all is well\n");
}
