//! Index servers of other programs: the requests that the peer sends to them, and its use of their replies
//! (protocol.md sections 4.9 and 8.5).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

mod announcing;
mod bounds;
mod captured;
mod endings;
mod fake;
mod full;
mod kinds;
mod refusals;
mod registration;
mod shell_commands;
