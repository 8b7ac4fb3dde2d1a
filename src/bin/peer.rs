//! The peer. Its arguments and everything that it prints are in [`p2p_ci::cli::peer`].

use std::process::ExitCode;

fn main() -> ExitCode {
    p2p_ci::cli::peer::main()
}
