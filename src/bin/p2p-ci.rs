//! The program that people install. Its commands are in [`p2p_ci::cli::installed`].

use std::process::ExitCode;

fn main() -> ExitCode {
    p2p_ci::cli::installed::main()
}
