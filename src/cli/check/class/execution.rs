//! Starts a program with limits.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::errors::report::report;
use crate::confined::{self, Limited};

/// Starting a program with limits, in place of this process.
#[derive(Args, Debug)]
pub(in crate::cli::check) struct Execution {
    #[arg(long)]
    home: PathBuf,
    #[arg(long)]
    temporary: PathBuf,
    #[arg(long)]
    user: Option<u32>,
    #[arg(long)]
    processes: u64,
    #[arg(long)]
    failure: i32,
    #[arg(last = true, required = true)]
    words: Vec<String>,
}

/// Runs as a process of its own, in whose place the program starts.
pub(in crate::cli::check) fn execute(execution: &Execution) -> ExitCode {
    let Execution { home, temporary, user, processes, failure, words } = execution;
    let (user, processes, failure) = (*user, *processes, *failure);
    let limited = Limited { home, temporary, user, processes, failure };
    let error = confined::execute(words, &limited);
    // It is the output of the program, and shown as such.
    report("cannot start the program", &error);
    ExitCode::from(127)
}
