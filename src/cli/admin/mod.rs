//! The address for operators: the options of both programs, and the command that uses it.
//!
//! | file | subject |
//! |---|---|
//! | `options` | `--admin`, at which a program shows its status, its metrics and its health |
//! | `token_file` | the token that permits changes |
//! | `command` | `p2p-ci admin`, for which a program must have a Unix socket |
//! | `shown` | what the command prints |

#[cfg(unix)]
mod command;
mod options;
#[cfg(unix)]
mod shown;
mod token_file;

#[cfg(unix)]
pub(super) use command::{Arguments, run};
pub(super) use options::{AdminArgs, AdminError, AdminListeners, AdminServer, print_addresses};
