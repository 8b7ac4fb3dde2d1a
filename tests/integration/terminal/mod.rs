//! The shell as a person sees it, on a terminal.

#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test may panic and print"
)]
#![cfg(unix)]

mod choices;
mod downloads;
mod queries;
mod screen;
mod tables;
mod typing;
