//! What a submission is.

use clap::ValueEnum;

use super::super::options::ChosenLevel;
use crate::check::{self, COMMAND_PLACEHOLDERS, Case};

/// What a submission is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(in crate::cli::check) enum Kind {
    Server,
    Uploader,
    /// A client whose menu is operated.
    Client,
    /// A client and its upload server.
    Peer,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Uploader => "uploader",
            Self::Client => "client",
            Self::Peer => "peer",
        }
    }

    /// The cases with their places.
    pub(super) fn cases(self, level: ChosenLevel) -> Vec<(usize, &'static Case)> {
        let all = match self {
            Self::Server => check::index_server(),
            Self::Uploader => check::upload_server(),
            Self::Client => check::client_program(),
            Self::Peer => [check::client_program(), check::upload_server()].concat(),
        };
        let of_level = |(_, case): &(usize, &Case)| case.level <= level.into();
        all.into_iter().enumerate().filter(of_level).collect()
    }

    /// Whether something is typed into it.
    pub(super) const fn has_menu(self) -> bool {
        matches!(self, Self::Client | Self::Peer)
    }

    /// The port on which it listens, or the index server for it.
    pub(super) const fn default_port(self) -> u16 {
        match self {
            Self::Server | Self::Client | Self::Peer => INDEX,
            Self::Uploader => 5678,
        }
    }

    /// What its command may have.
    pub(in crate::cli::check) const fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Server | Self::Uploader => &["{dir}", "{port}", "{rfc}"],
            Self::Client | Self::Peer => &COMMAND_PLACEHOLDERS,
        }
    }
}

/// The port of an index server.
pub(super) const INDEX: u16 = 7734;
