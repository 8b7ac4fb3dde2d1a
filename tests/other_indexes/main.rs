//! Index servers of other programs: what our peer sends to them, and what it makes of their replies
//! (protocol.md sections 4.9 and 8.5).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod captured;
mod endings;
mod fake;
mod kinds;
mod refusals;
mod registration;
mod telling;
