//! The pages for courses in `docs/`: their programs run and pass `p2p-ci check`, their conversations are
//! read by the decoders of the crate, and their commands work as printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod commands;
mod conversations;
mod dialects;
mod pages;
mod programs;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common;

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether a tool that a page uses is there. CI must have it.
fn has(tool: &str) -> bool {
    let is_there = Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_there {
        common::skip(&format!("there is no {tool}"));
    }
    is_there
}
