//! The options that all kinds of tests have.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::check::{Case, Level};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Which cases run; each level includes those before it
    #[arg(long, value_enum, default_value_t = ChosenLevel::Robust)]
    pub(super) level: ChosenLevel,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(super) json: bool,
    /// Write the results to a file as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Read weights of cases for the grade: lines `ID WEIGHT`
    #[arg(long, value_name = "FILE")]
    pub(super) weights: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ChosenLevel {
    /// What the handout of the course specifies
    Handout,
    /// Also what protocol.md decides, and other forms of requests
    Robust,
    /// Also the extensions
    Extension,
}

impl From<ChosenLevel> for Level {
    fn from(level: ChosenLevel) -> Self {
        match level {
            ChosenLevel::Handout => Self::Handout,
            ChosenLevel::Robust => Self::Robust,
            ChosenLevel::Extension => Self::Extension,
        }
    }
}

impl Options {
    /// Whether a case belongs to the level.
    pub(super) fn includes(&self, case: &Case) -> bool {
        case.level <= self.level.into()
    }
}
