//! The cluster to which an index server belongs (protocol.md section 4.13).

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

use super::SyntaxError;
use super::endpoint::Endpoint;
use crate::limits;

/// The name of a cluster of index servers. Servers with the same name have the same records.
///
/// ```text
/// cluster-id = 1*64( ALPHA / DIGIT / "-" / "_" / "." )
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClusterId(SmolStr);

impl ClusterId {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterId {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=limits::CLUSTER_ID).contains(&text.len()) && text.bytes().all(is_legal) {
            Ok(Self(text.into()))
        } else {
            let expected = "the name of a cluster: 1 to 64 letters, digits, `-`, `_` and `.`";
            Err(SyntaxError::at(expected, text, "4.13"))
        }
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A cluster, as one of its servers describes it: its name, and servers that have the same records. Their order
/// has no meaning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cluster {
    id: ClusterId,
    servers: Vec<Endpoint>,
}

impl Cluster {
    /// A cluster without named servers.
    pub fn new(id: ClusterId) -> Self {
        Self { id, servers: Vec::new() }
    }

    /// Adds a server, unless it was added before or there are [`limits::CLUSTER_SERVERS`] already: then `false`.
    pub fn add(&mut self, server: Endpoint) -> bool {
        let is_added =
            self.servers.len() < limits::CLUSTER_SERVERS && !self.servers.contains(&server);
        if is_added {
            self.servers.push(server);
        }
        is_added
    }

    /// Its name.
    pub fn id(&self) -> &ClusterId {
        &self.id
    }

    /// The servers, at most [`limits::CLUSTER_SERVERS`], each once.
    pub fn servers(&self) -> &[Endpoint] {
        &self.servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clusters_have_letters_digits_and_three_signs() {
        let longest = "a".repeat(64);
        for text in ["a", "Campus-1_b.example", &longest] {
            assert_eq!(text.parse::<ClusterId>().map(|id| id.to_string()), Ok(text.into()));
        }
        for text in ["", "a b", "a/b", "é", "a\r", &"a".repeat(65)] {
            assert!(text.parse::<ClusterId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_cluster_names_each_server_once_and_not_more_than_the_limit() {
        let mut cluster = Cluster::new("c".parse().unwrap());
        for number in 1..=2 * limits::CLUSTER_SERVERS {
            let server: Endpoint = format!("h:{number}").parse().unwrap();
            assert_eq!(cluster.add(server.clone()), number <= limits::CLUSTER_SERVERS);
            assert!(!cluster.add(server));
        }
        assert_eq!(cluster.servers().len(), limits::CLUSTER_SERVERS);
    }
}
