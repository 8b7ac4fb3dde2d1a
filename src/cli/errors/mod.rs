//! Errors of commands: their exit codes, and their reports.
//!
//! | file | subject |
//! |---|---|
//! | `failure` | kinds of failures, and their exit codes |
//! | `command_error` | errors that end a command, or one document of it |
//! | `report` | the line for people, and the object for programs |

pub(super) mod command_error;
pub(super) mod failure;
pub(super) mod report;
