//! What a submission is.

use clap::ValueEnum;

use super::super::options::ChosenLevel;
use crate::check::{self, Case};

/// What a submission is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(in crate::cli::check) enum Kind {
    Server,
    Uploader,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Uploader => "uploader",
        }
    }

    /// The cases with their places.
    pub(super) fn cases(self, level: ChosenLevel) -> Vec<(usize, &'static Case)> {
        let all = match self {
            Self::Server => check::index_server(),
            Self::Uploader => check::upload_server(),
        };
        let of_level = |(_, case): &(usize, &Case)| case.level <= level.into();
        all.into_iter().enumerate().filter(of_level).collect()
    }

    pub(super) const fn default_port(self) -> u16 {
        match self {
            Self::Server => 7734,
            Self::Uploader => 5678,
        }
    }
}
