//! The tables of a file that no option has.

use std::borrow::Cow;
use std::env::home_dir;
use std::ffi::OsString;
use std::fs::canonicalize;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf, absolute};

use ipnet::IpNet;

use crate::cli::values::option_values::network;
use crate::cli::values::rate::Rate;
use crate::toml_table::{Table, TomlError};

/// `[[upload.limit]]`
pub(super) const UPLOAD_LIMIT: &str = "upload.limit";
/// `[[share]]`
pub(super) const SHARE: &str = "share";

/// The description of a table.
pub(super) struct Described {
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) about: &'static str,
    /// Its keys: name, an example, description.
    pub(super) keys: &'static [(&'static str, &'static str, &'static str)],
}

/// The tables of the peer's file.
pub(super) const OF_PEER: [Described; 2] = [
    Described {
        name: UPLOAD_LIMIT,
        about: "Limit all uploads to a network, or to one peer, together. Of several networks that contain \
                an address the smallest one applies. upload_limit applies to all uploads as well.",
        keys: &[
            (
                "network",
                "\"192.0.2.0/24\"",
                "the network, or the address of a peer, or an array of them",
            ),
            ("rate", "\"500k\"", "bytes a second, or \"unlimited\""),
        ],
    },
    Described {
        name: SHARE,
        about: "Share several directories, each with its own options, instead of `share = \"DIR\"`; \
                options that it does not set are those of all. Downloads go to the first one. Of files with equal names that of the first directory is \
                shared, and the others are reported. A shared directory in another one is shared only as its own table says.",
        keys: &[
            ("path", "\"/srv/papers\"", "the directory"),
            ("recursive", "true", "include its subdirectories, or not"),
            (
                "hand_over",
                "false",
                "move documents that another peer has downloaded out of it, or not",
            ),
        ],
    },
];

/// A limit on the uploads to some networks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct UploadRate {
    pub(in crate::cli) networks: Vec<IpNet>,
    /// Bytes per second; `None`: only the limit of all uploads applies.
    pub(in crate::cli) rate: Option<NonZeroU64>,
}

/// A shared directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct ShareTable {
    pub(in crate::cli) path: PathBuf,
    /// `None`: as the option says.
    pub(in crate::cli) recursive: Option<bool>,
    /// The same.
    pub(in crate::cli) hand_over: Option<bool>,
}

/// The tables that no option has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::cli) struct Tables {
    pub(in crate::cli) upload_rates: Vec<UploadRate>,
    pub(in crate::cli) shares: Vec<ShareTable>,
}

impl UploadRate {
    /// Reads an `[[upload.limit]]`.
    ///
    /// # Errors
    /// All mistakes in it.
    pub(super) fn read(table: Table<'_>) -> Result<Self, Vec<TomlError>> {
        table.expect_keys(&["network", "rate"]).map_err(|mistake| vec![mistake])?;
        let networks = table.each_text("network", network).and_then(|networks| {
            let missing = || vec![table.error("expected `network = \"…\"`, found no network")];
            if networks.is_empty() { Err(missing()) } else { Ok(networks) }
        });
        let rate = table.parsed_number("rate", rate).and_then(|rate| {
            rate.ok_or_else(|| table.error("expected `rate = \"…\"`, found no rate"))
        });
        match (networks, rate) {
            (Ok(networks), Ok(rate)) => Ok(Self { networks, rate }),
            (networks, rate) => {
                Err(networks.err().into_iter().flatten().chain(rate.err()).collect())
            }
        }
    }
}

impl UploadRate {
    /// A network of this limit that one of these limits has, too.
    pub(super) fn network_in(&self, others: &[Self]) -> Option<IpNet> {
        let mut networks = self.networks.iter().map(IpNet::trunc);
        networks.find(|network| {
            others.iter().any(|other| other.networks.iter().any(|one| one.trunc() == *network))
        })
    }
}

impl ShareTable {
    /// Reads a `[[share]]`.
    pub(super) fn read(table: Table<'_>) -> Result<Self, TomlError> {
        table.expect_keys(&["path", "recursive", "hand_over"])?;
        Ok(Self {
            path: expanded(table.needed("path")?.into()).into(),
            recursive: table.flag_if_given("recursive")?,
            hand_over: table.flag_if_given("hand_over")?,
        })
    }
}

impl ShareTable {
    /// The one of these tables that shares the same directory, by whatever path.
    pub(super) fn same_in<'a>(&self, others: &'a [Self]) -> Option<&'a Self> {
        let directory = real_path(&self.path);
        others.iter().find(|other| real_path(&other.path) == directory)
    }

    pub(super) fn shown(&self) -> Cow<'_, str> {
        self.path.to_string_lossy()
    }
}

/// A path without links and dots. Of a directory that does not exist yet, only the dots are removed.
fn real_path(path: &Path) -> PathBuf {
    let whole = || absolute(path).unwrap_or_else(|_| path.into()).components().collect();
    canonicalize(path).unwrap_or_else(|_| whole())
}

/// A path that begins with `~/`, which a shell would expand.
pub(super) fn expanded(text: OsString) -> OsString {
    let below_home = text.to_str().and_then(|text| text.strip_prefix("~/"));
    match below_home.zip(home_dir()) {
        Some((below, home)) => home.join(below).into(),
        None => text,
    }
}

fn rate(text: &str) -> Result<Option<NonZeroU64>, String> {
    match text {
        "unlimited" => Ok(None),
        text => text.parse::<Rate>().map(|rate| Some(rate.bytes_per_second())),
    }
}
