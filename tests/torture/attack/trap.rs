//! An index that panics when it is asked to.

use std::net::SocketAddr;
use std::process::ExitCode;

use crate::common::output::print_line;

/// An index whose session panics when a request is logged whose title asks for it.
pub(crate) fn panicking_server() -> ExitCode {
    struct Trap;

    impl log::Log for Trap {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            assert!(!record.args().to_string().contains("RFC 666"), "a panic, as was asked for");
        }

        fn flush(&self) {}
    }

    let config = p2p_ci::server::Config {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        ..Default::default()
    };
    let Ok(server) = p2p_ci::server::Server::bind(&config) else { return ExitCode::FAILURE };
    for address in server.addresses().unwrap_or_default() {
        print_line(format_args!("listening on {address}"));
    }
    if log::set_logger(&Trap).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
    if server.run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
