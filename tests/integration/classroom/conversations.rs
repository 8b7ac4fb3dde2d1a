//! The conversations in pages are read by the decoders of the crate.

use std::io::Write;
use std::process::{Command, Stdio};

use super::pages::{Block, PAGES, blocks};

/// What `p2p-ci explain` prints about a block.
fn explained(block: &Block) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    command.args(["explain", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(block.lines.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "line {}", block.begins);
    String::from_utf8(output.stdout).unwrap()
}

/// `wire` follows the grammar, `wire-form` is a known form of other programs, and `wire-fault` violates
/// the protocol.
#[test]
fn conversations_are_what_pages_say() {
    for page in PAGES {
        for block in blocks(page) {
            let is_wire = block.kind.starts_with("wire");
            let has_labels =
                block.kind != "console" && block.lines.iter().any(|line| line.starts_with("C: "));
            assert!(is_wire || !has_labels, "{page}, line {}: no conversation", block.begins);
            if !is_wire {
                continue;
            }
            let text = explained(&block);
            let has = |mark: &str| text.lines().any(|line| line.trim_start().starts_with(mark));
            let found = (has("! "), has("~ "));
            let is_right = match block.kind.as_str() {
                "wire" => found == (false, false),
                "wire-form" => found.1,
                "wire-fault" => found.0,
                other => panic!("{page}: {other}"),
            };
            assert!(is_right, "{page}, line {}: {}\n{text}", block.begins, block.kind);
        }
    }
}
