//! Mistakes in a configuration, each with its place.

use std::io;
use std::path::PathBuf;

use crate::error_chain::error_chain;
use crate::escape::escaped_path;
use crate::toml_table::TomlError;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub(in crate::cli) struct ConfigError(pub(in crate::cli) Vec<Mistake>);

/// A mistake in a configuration.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Mistake {
    #[error("{}:{}: {}", escaped_path(file), error.line, error.mistake)]
    InFile { file: PathBuf, error: TomlError },
    #[error("environment variable {variable}: {mistake}")]
    InEnvironment { variable: String, mistake: String },
    #[error("cannot read the configuration {}: {}", escaped_path(file), error_chain(error))]
    Unreadable { file: PathBuf, error: io::Error },
}
