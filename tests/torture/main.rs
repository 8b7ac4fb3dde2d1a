//! Attacks and faults against the index and the peer, one case each, with figures.
//!
//! It starts the programs that it attacks, on loopback, and ends them; every case is bounded in time.
//! Each case states its requirements, and a violated requirement is a failure. Sizes
//! and limits are those of protocol.md section 7.
//!
//! Run it with `cargo test --release --test torture -- all`. It needs Linux, whose `/proc` shows what a
//! process uses.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a program of measurements, whose figures are small"
)]
#![allow(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::unreachable,
    reason = "it reads replies of the programs that it started, and a surprise may end it"
)]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod attack;
#[cfg(target_os = "linux")]
#[path = "../../benches/programs_under_test/mod.rs"]
#[allow(dead_code, reason = "shared with another program, which uses more of it")]
mod common;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    attack::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    use std::io::Write;

    let _ = writeln!(std::io::stderr(), "torture: expected Linux, found another system");
    ExitCode::from(2)
}
