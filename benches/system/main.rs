//! How fast the index and the peers are, measured from outside: over sockets, against the real
//! programs, and compared with well-known programs.
//!
//! Every figure is the median of several rounds, and every ratio is of two figures of one round:
//! other work of the machine then affects both. It starts what it measures, on loopback, and
//! ends it. It does not judge: BENCHMARKS.md says what the figures mean.
//!
//! Run it with `cargo bench --bench system`. It needs Linux, for the addresses 127.0.0.x and for what the
//! system reports about a program.

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
#[path = "../programs_under_test/mod.rs"]
#[allow(dead_code, reason = "shared with another program, which uses more of it")]
mod common;
#[cfg(target_os = "linux")]
mod run;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    use std::io::Write;

    let _ = writeln!(std::io::stderr(), "bench: expected Linux, found another system");
    ExitCode::from(2)
}
