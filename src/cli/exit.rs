//! What a program says when it ends: one line for people, a code for scripts.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use crate::error_chain::error_chain;

/// Why a program ends without having done what it was asked for. The numbers are those of
/// `sysexits.h`, where that has one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// 1: anything else.
    Other = 1,
    /// 2: the arguments.
    Usage = 2,
    /// 66: no such document, or nobody has it.
    NotFound = 66,
    /// 69: the index or a peer cannot be reached.
    Unreachable = 69,
    /// 74: a file or the disk.
    File = 74,
    /// 76: the other side broke the protocol.
    Protocol = 76,
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(failure as u8)
    }
}

/// Writes an error with its causes to standard error, joined by `: `.
pub(super) fn report(program: &str, error: &dyn Error) {
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{program}: {}", error_chain(error));
}
