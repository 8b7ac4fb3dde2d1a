//! Reading the configuration of a running index server again.

use std::ffi::OsString;

use super::config::layers::Configured;
use super::config::running::{Running, log_refused};
use super::logs::logging;
use super::server_args::{Args, LEVEL};
use super::usage::read_server;
use crate::net::AccessPolicy;
use crate::server::{Config, Control, LOG_SESSIONS};

/// The keys that a running server can change.
const CHANGEABLE: [&str; 7] =
    ["allow", "deny", "max_connections", "connections_per_address", "log", "verbose", "quiet"];

/// What a reload needs.
#[derive(Debug)]
pub(super) struct Reload {
    arguments: Vec<OsString>,
    running: Running,
    access: AccessPolicy,
    max_memory: Option<u64>,
    control: Control,
}

impl Reload {
    /// The state of a server that starts with these arguments.
    pub(super) fn new(
        arguments: Vec<OsString>,
        configured: &Configured<Args>,
        config: &Config,
        control: Control,
    ) -> Self {
        let (running, access) = (Running::of(configured), config.access.clone());
        Self { arguments, running, access, max_memory: config.max_memory, control }
    }

    /// Reads the configuration again. If it has a mistake, the old one stays.
    pub(super) fn run(&mut self) {
        let new = match read_server(&self.arguments) {
            Ok(new) => new,
            Err(error) => return log_refused(&error),
        };
        logging::set_levels(LEVEL, &new.args.log_levels());
        self.access.set_lists(new.args.access());
        // The memory is divided when the server starts.
        let config = Config { max_memory: self.max_memory, ..Config::from(&new.args) };
        self.control.set_connections(&config);
        self.running.change(&new, &CHANGEABLE).log(new.layers.file.as_deref(), LOG_SESSIONS);
        match self.control.close_denied() {
            0 => {}
            closed => log::info!(
                target: LOG_SESSIONS,
                "closed connections of addresses that may not connect any more: {closed}"
            ),
        }
    }
}
