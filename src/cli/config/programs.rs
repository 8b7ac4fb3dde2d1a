//! The programs that have a configuration, and where their files are.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::user_directory::config_directory;

/// A program with a configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(in crate::cli) enum Program {
    /// The index server
    Server,
    /// The peer
    Peer,
}

impl Program {
    /// Its short name.
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Peer => "peer",
        }
    }

    /// The file that is read if no other one is named. `None` where there is no such place.
    pub(in crate::cli) fn default_file(self) -> Option<PathBuf> {
        match self {
            Self::Server if cfg!(unix) => Some("/etc/p2p-ci/server.toml".into()),
            Self::Server => None,
            Self::Peer => Some(config_directory()?.join("peer.toml")),
        }
    }

    /// That file in help and manual pages.
    pub(in crate::cli) fn default_file_shown(self) -> &'static str {
        match self {
            Self::Server => "/etc/p2p-ci/server.toml",
            Self::Peer => "$XDG_CONFIG_HOME/p2p-ci/peer.toml",
        }
    }
}
