//! The options of a server that belongs to a cluster.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, ValueHint};

use super::headings::CLUSTER;

/// The options.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ClusterArgs {
    /// Have one index with all servers that use this Valkey or Redis: `redis://HOST`, with TLS
    /// `rediss://HOST`, `redis+unix:///PATH`, `redis+sentinel://HOST,HOST/MASTER`, or
    /// `redis+cluster://HOST,HOST` (docs/cluster.md)
    #[arg(long, value_name = "URL", value_parser = UrlParser, help_heading = CLUSTER)]
    cluster: Option<ClusterUrl>,

    /// The name of this server in the cluster, which no other server may have [default: the name of
    /// the machine, the process, and a random number]
    #[arg(long, value_name = "NAME", value_parser = name, help_heading = CLUSTER)]
    name: Option<String>,

    /// The address at which clients reach this server, which the other servers may pass on; may be
    /// given several times [default: the addresses at which it listens]
    #[arg(long, value_name = "HOST:PORT", value_parser = advertised, help_heading = CLUSTER)]
    advertise: Vec<String>,

    /// Read the password of the store from this file
    #[arg(
        long,
        value_name = "PATH",
        value_hint = ValueHint::FilePath,
        help_heading = CLUSTER
    )]
    cluster_password_file: Option<PathBuf>,
}

/// The address of the store.
#[derive(Clone, Debug)]
struct ClusterUrl {
    #[cfg(feature = "cluster")]
    url: crate::cluster::StoreUrl,
}

/// Reads the address of the store. Its errors do not repeat the address, which may have a password.
#[derive(Clone, Copy, Debug)]
struct UrlParser;

impl TypedValueParser for UrlParser {
    type Value = ClusterUrl;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<ClusterUrl, clap::Error> {
        read(value.to_str().unwrap_or_default()).map_err(|reason| {
            let message = format!("invalid value for '--cluster <URL>': {reason}\n");
            let mut error = clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command);
            error.insert(ContextKind::Custom, ContextValue::String(reason));
            error
        })
    }
}

#[cfg(feature = "cluster")]
fn read(text: &str) -> Result<ClusterUrl, String> {
    match text.parse() {
        Ok(url) => Ok(ClusterUrl { url }),
        Err(error) => Err(crate::cluster::UrlError::to_string(&error)),
    }
}

#[cfg(not(feature = "cluster"))]
fn read(_: &str) -> Result<ClusterUrl, String> {
    Err("needs a program with clusters of index servers: the packages have it, and `cargo install --path . --features \
         cluster` builds it"
        .into())
}

fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_legal)
}

fn name(text: &str) -> Result<String, String> {
    let expected = "expected 1 to 64 letters, digits, dots, hyphens and underscores";
    is_name(text).then(|| text.to_string()).ok_or_else(|| expected.into())
}

fn advertised(text: &str) -> Result<String, String> {
    let is_legal = |(host, port): &(&str, &str)| {
        let is_graphic = |byte: u8| byte.is_ascii_graphic() && byte != b',';
        (1..=253).contains(&host.len())
            && host.bytes().all(is_graphic)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    let expected = "expected a host and a port, such as `index.example.org:7734`";
    let is_address = text.rsplit_once(':').is_some_and(|address| is_legal(&address));
    is_address.then(|| text.to_string()).ok_or_else(|| expected.into())
}

#[cfg(feature = "cluster")]
pub(super) use settings::{ClusterError, addresses};

#[cfg(feature = "cluster")]
mod settings {
    use std::fs::File;
    use std::io::{self, Read};
    use std::net::SocketAddr;

    use gethostname::gethostname;

    use super::ClusterArgs;
    use crate::cli::errors::failure::Failure;
    use crate::cluster::{Password, ServerName, Settings};
    use crate::escape::escaped_path;

    /// Why the server cannot be part of the cluster.
    #[derive(Debug, thiserror::Error)]
    pub(in crate::cli) enum ClusterError {
        #[error(
            "cannot read the password of the store from `{}` (--cluster-password-file)",
            escaped_path(path)
        )]
        PasswordFile { path: std::path::PathBuf, source: io::Error },
        #[error("expected a password of one line in `{}` (--cluster-password-file)", escaped_path(.0))]
        Password(std::path::PathBuf),
        #[error(transparent)]
        Join(#[from] crate::cluster::JoinError),
    }

    impl ClusterArgs {
        /// How the server belongs to a cluster; `None` if it does not.
        pub(in crate::cli) fn settings(&self) -> Result<Option<Settings>, ClusterError> {
            let Some(url) = &self.cluster else { return Ok(None) };
            let password = match &self.cluster_password_file {
                None => None,
                Some(path) => Some(password(path)?),
            };
            let host = gethostname();
            let unique = || ServerName::unique(&host.to_string_lossy());
            let name = self.name.as_ref().and_then(|name| name.parse().ok()).unwrap_or_else(unique);
            let advertise = (!self.advertise.is_empty()).then(|| self.advertise.join(","));
            Ok(Some(Settings { store: url.url.clone(), password, name, advertise }))
        }
    }

    impl ClusterError {
        /// The kind of failure, which is the exit code.
        pub(in crate::cli) fn failure(&self) -> Failure {
            match self {
                Self::PasswordFile { .. } | Self::Password(_) => Failure::File,
                Self::Join(_) => Failure::Other,
            }
        }
    }

    /// The longest file of a password, in bytes.
    const LONGEST: u64 = 4096;

    fn password(path: &std::path::Path) -> Result<Password, ClusterError> {
        let mut text = String::new();
        let read =
            File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
        match read {
            Ok(length) if length as u64 > LONGEST => {
                return Err(ClusterError::Password(path.into()));
            }
            Ok(_) => {}
            Err(source) => return Err(ClusterError::PasswordFile { path: path.into(), source }),
        }
        let line = text.trim_end_matches(['\r', '\n']);
        match !line.is_empty() && !line.contains(['\r', '\n']) {
            true => Ok(Password(line.into())),
            false => Err(ClusterError::Password(path.into())),
        }
    }

    /// The addresses that clients use: where the server listens, by the name of this machine if that
    /// is at every address.
    pub(in crate::cli) fn addresses(listening: &[SocketAddr]) -> Vec<String> {
        let host = gethostname();
        let mut all: Vec<String> = Vec::new();
        for address in listening {
            let text = match address.ip().is_unspecified() {
                true => format!("{}:{}", host.to_string_lossy(), address.port()),
                false => address.to_string(),
            };
            if !all.contains(&text) {
                all.push(text);
            }
        }
        all
    }
}
