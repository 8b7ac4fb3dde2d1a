//! How a server belongs to a cluster.

use std::fmt;
use std::str::FromStr;

use super::url::StoreUrl;

/// How a server belongs to a cluster.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the store is.
    pub store: StoreUrl,
    /// The password of the store.
    pub password: Option<Password>,
    /// The name of this server, which no other server of the cluster may have.
    pub name: ServerName,
    /// The addresses that clients of this server use, separated by commas.
    pub advertise: Option<String>,
}

/// A password, which is not printed.
#[derive(Clone, Eq, PartialEq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The name of a server in a cluster: 1 to 64 letters, digits, dots, hyphens and underscores.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerName(String);

impl ServerName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name that no other server has: the host, the process, and a random number.
    pub fn unique(host: &str) -> Self {
        let is_legal = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
        let host: String = host.chars().filter(is_legal).take(32).collect();
        Self(format!("{host}-{}-{}", std::process::id(), random()))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected 1 to 64 letters, digits, dots, hyphens and underscores")]
pub struct NameError;

impl FromStr for ServerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        match (1..=64).contains(&text.len()) && text.bytes().all(is_legal) {
            true => Ok(Self(text.into())),
            false => Err(NameError),
        }
    }
}

/// 16 random hexadecimal digits.
pub(super) fn random() -> String {
    let mut bytes = [0; 8];
    if getrandom::fill(&mut bytes).is_err() {
        // Without random numbers of the system: the state of a hash table is random, too.
        use std::hash::BuildHasher;
        bytes = std::hash::RandomState::new().hash_one(std::time::Instant::now()).to_le_bytes();
    }
    format!("{:016x}", u64::from_le_bytes(bytes))
}
