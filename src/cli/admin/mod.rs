//! The address for operators: the options of both programs, and the command that uses it.
//!
//! | file | subject |
//! |---|---|
//! | `options` | `--admin`, at which a program shows its metrics and its health |
//! | `command` | `p2p-ci admin`, for which a program must have a Unix socket |
//! | `shown` | what the command prints |

#[cfg(unix)]
mod command;
mod options;
#[cfg(unix)]
mod shown;

#[cfg(unix)]
pub(super) use command::{Arguments, run};
pub(super) use options::{AdminArgs, AdminError, print_addresses};
