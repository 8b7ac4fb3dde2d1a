//! The dissector for Wireshark: with tshark in one and in two passes, and in Lua 5.4 with a stand-in for
//! Wireshark's API. `p2p-ci wireshark` installs it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod conversations;
mod filters;
mod installing;
mod lua;
mod other_programs;
mod samples;
mod segments;
mod transcript;
mod tshark;
mod violations;
