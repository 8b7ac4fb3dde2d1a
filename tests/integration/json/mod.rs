//! `--format json`: the schema of each command in docs/json.md, and failures.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod documented;
mod failures;
mod schema;
