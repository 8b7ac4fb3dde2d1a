//! Where the store is.

use std::path::PathBuf;
use std::str::FromStr;

/// The port of Valkey, Redis, and their cluster nodes.
const PORT: u16 = 6379;
/// The port of Sentinel.
const SENTINEL_PORT: u16 = 26379;

/// The address of a store.
///
/// ```text
/// redis://[USER@]HOST[:PORT][/DATABASE]        also valkey://; with TLS rediss://, valkeys://
/// redis+unix:///PATH
/// redis+sentinel://[USER@]HOST[:PORT],…/MASTER[/DATABASE]   with TLS rediss+sentinel://
/// redis+cluster://[USER@]HOST[:PORT],…                      with TLS rediss+cluster://
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreUrl {
    pub(super) location: Location,
    pub(super) user: Option<String>,
    pub(super) database: i64,
    pub(super) tls: bool,
}

/// How the store is found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Location {
    Server(Node),
    Unix(PathBuf),
    Sentinel { sentinels: Vec<Node>, master: String },
    Cluster(Vec<Node>),
}

/// A host and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Node {
    pub(super) host: String,
    pub(super) port: u16,
}

/// An address that is not accepted. The message does not repeat the address, which may have a
/// password.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UrlError {
    /// The address has a password.
    #[error(
        "expected no password in the URL, where other users of this machine can read it; write it to a file \
         and name that with --cluster-password-file or P2P_CI_CLUSTER_PASSWORD_FILE"
    )]
    Password,
    /// The beginning is not known.
    #[error(
        "expected redis://, rediss://, valkey://, valkeys://, redis+unix://, redis+sentinel://, \
         redis+cluster://, rediss+sentinel:// or rediss+cluster://"
    )]
    Scheme,
    /// A part is missing or illegal.
    #[error("expected {0}")]
    Part(&'static str),
}

impl FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let (kind, tls) = match scheme {
            "redis" | "valkey" => ("server", false),
            "rediss" | "valkeys" => ("server", true),
            "redis+unix" | "valkey+unix" => ("unix", false),
            "redis+sentinel" | "valkey+sentinel" => ("sentinel", false),
            "rediss+sentinel" | "valkeys+sentinel" => ("sentinel", true),
            "redis+cluster" | "valkey+cluster" => ("cluster", false),
            "rediss+cluster" | "valkeys+cluster" => ("cluster", true),
            _ => return Err(UrlError::Scheme),
        };
        if kind == "unix" {
            if !rest.starts_with('/') {
                return Err(UrlError::Part(
                    "an absolute path, such as redis+unix:///run/redis.sock",
                ));
            }
            let location = Location::Unix(rest.into());
            return Ok(Self { location, user: None, database: 0, tls });
        }
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err(UrlError::Password),
            Some((user, rest)) if is_word(user) => (Some(user.to_string()), rest),
            Some(_) => return Err(UrlError::Part("a user name of letters and digits before @")),
            None => (None, rest),
        };
        if rest.contains(['?', '#']) {
            return Err(UrlError::Part("no parameters after the address"));
        }
        let mut parts = rest.split('/');
        let nodes = parts.next().unwrap_or_default();
        let location = match kind {
            "sentinel" => {
                let master = parts.next().filter(|name| is_word(name));
                let master = master.ok_or(UrlError::Part("/MASTER after the Sentinels"))?;
                Location::Sentinel { sentinels: list(nodes, SENTINEL_PORT)?, master: master.into() }
            }
            "cluster" => Location::Cluster(list(nodes, PORT)?),
            _ => Location::Server(node(nodes, PORT)?),
        };
        let database = match parts.next() {
            None | Some("") => 0,
            Some(_) if kind == "cluster" => {
                return Err(UrlError::Part("no database, which Redis Cluster does not have"));
            }
            Some(number) => {
                let number: u16 =
                    number.parse().map_err(|_| UrlError::Part("/DATABASE, a number"))?;
                number.into()
            }
        };
        if parts.next().is_some() {
            return Err(UrlError::Part("nothing after the database"));
        }
        Ok(Self { location, user, database, tls })
    }
}

fn is_word(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(is_legal)
}

fn list(text: &str, port: u16) -> Result<Vec<Node>, UrlError> {
    text.split(',').map(|one| node(one, port)).collect()
}

fn node(text: &str, default: u16) -> Result<Node, UrlError> {
    const EXPECTED: UrlError = UrlError::Part("HOST[:PORT], with an IPv6 address in brackets");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(EXPECTED)?;
            (
                host,
                port.strip_prefix(':').or_else(|| port.is_empty().then_some("")).ok_or(EXPECTED)?,
            )
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    if host.is_empty() || host.len() > 253 || !host.bytes().all(is_legal) {
        return Err(EXPECTED);
    }
    let port = if port.is_empty() { default } else { port.parse().map_err(|_| EXPECTED)? };
    Ok(Node { host: host.into(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Node {
        Node { host: host.into(), port }
    }

    #[test]
    fn addresses_are_read() {
        let plain = |location| StoreUrl { location, user: None, database: 0, tls: false };
        for (text, expected) in [
            ("redis://h", plain(Location::Server(at("h", 6379)))),
            ("valkey://[::1]:7", plain(Location::Server(at("::1", 7)))),
            ("redis+unix:///run/r.sock", plain(Location::Unix("/run/r.sock".into()))),
            (
                "rediss://me@h:1/3",
                StoreUrl {
                    location: Location::Server(at("h", 1)),
                    user: Some("me".into()),
                    database: 3,
                    tls: true,
                },
            ),
            (
                "redis+sentinel://a,b:2/main",
                plain(Location::Sentinel {
                    sentinels: vec![at("a", 26379), at("b", 2)],
                    master: "main".into(),
                }),
            ),
            (
                "rediss+cluster://a:1,[::2]",
                StoreUrl {
                    tls: true,
                    ..plain(Location::Cluster(vec![at("a", 1), at("::2", 6379)]))
                },
            ),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_refused_without_repeating_them() {
        for text in [
            "",
            "h",
            "http://h",
            "redis://",
            "redis://h:x",
            "redis://h:70000",
            "redis://h/x",
            "redis://h/1/2",
            "redis://a b",
            "redis://h?x=1",
            "redis+unix://x",
            "redis+sentinel://h",
            "redis+cluster://h/1",
            "redis+cluster://h,,i",
            "redis://[::1",
            "redis://[::1]x",
            "redis://u%40@h",
            "redis://h/-1",
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err();
            assert_ne!(error, UrlError::Password, "{text}");
        }
        for text in
            ["redis://:geheim@h", "rediss://u:geheim@h/1", "redis+sentinel://u:geheim@a,b/m"]
        {
            let error = text.parse::<StoreUrl>().unwrap_err();
            assert_eq!(error, UrlError::Password, "{text}");
            assert!(!error.to_string().contains("geheim"));
        }
    }
}
