//! The index server. Its arguments and everything that it prints are in [`p2p_ci::cli::server`].

use std::process::ExitCode;

fn main() -> ExitCode {
    p2p_ci::cli::server::main()
}
