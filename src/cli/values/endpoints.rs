//! Addresses of index servers and holders as users type them (protocol.md section 2.6). Errors name the
//! likely mistake.

use std::fmt::{self, Display, Formatter};
use std::net::Ipv6Addr;

use crate::escape::excerpt;
use crate::limits;
use crate::protocol::{Endpoint, Host, Port, SyntaxError};

/// The name of arguments that are peers, by which completion recognizes them.
pub(in crate::cli) const HOLDER: &str = "HOST:PORT";

/// An index server as the user has named it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum NamedServer {
    /// A host and its port.
    At(Endpoint),
    /// A host alone: DNS may name its servers. Otherwise the port is that of an index.
    Host(Host),
}

impl NamedServer {
    /// The host and the port, if DNS names no other server.
    pub(in crate::cli) fn endpoint(&self) -> Endpoint {
        match self {
            Self::At(endpoint) => endpoint.clone(),
            Self::Host(host) => Endpoint { host: host.clone(), port: Port::INDEX },
        }
    }
}

/// Reads `HOST`, `HOST:PORT`, `[IPv6]:PORT` or an IPv6 address. Without a port it is that of an index.
pub(in crate::cli) fn index_server(text: &str) -> Result<Endpoint, String> {
    named_server(text).map(|server| server.endpoint())
}

fn named_server(text: &str) -> Result<NamedServer, String> {
    let expected = "expected a host, or a host and a port, such as `localhost` or `localhost:7734`";
    if let Some(mistake) = mistake(text) {
        return Err(format!("{expected}, found {}: {mistake}", excerpt(text)));
    }
    let server = if text.contains("]:") || text.matches(':').count() == 1 {
        NamedServer::At(text.parse().map_err(|error: SyntaxError| format!("{expected}: {error}"))?)
    } else {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let host = bare.parse().map_err(|error: SyntaxError| format!("{expected}: {error}"))?;
        NamedServer::Host(host)
    };
    let host = match &server {
        NamedServer::At(Endpoint { host, .. }) | NamedServer::Host(host) => host.as_str(),
    };
    // The name of an interface may follow.
    let address = host.split('%').next().unwrap_or(host);
    if host.contains(':') && address.parse::<Ipv6Addr>().is_err() {
        let mistake = "only an IPv6 address has several colons, and brackets before its port";
        return Err(format!("{expected}, found {}: {mistake}", excerpt(text)));
    }
    Ok(server)
}

/// The index servers of a peer as the user has named them, in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct NamedServers {
    pub(in crate::cli) first: NamedServer,
    pub(in crate::cli) others: Vec<NamedServer>,
}

impl NamedServers {
    pub(in crate::cli) fn all(&self) -> impl Iterator<Item = &NamedServer> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl Display for NamedServers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let others = self.others.iter().map(NamedServer::endpoint).collect();
        Servers { first: self.first.endpoint(), others }.fmt(f)
    }
}

/// The index servers of a peer, in the order in which they are tried.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct Servers {
    pub(in crate::cli) first: Endpoint,
    pub(in crate::cli) others: Vec<Endpoint>,
}

impl Servers {
    pub(in crate::cli) fn all(&self) -> impl Iterator<Item = &Endpoint> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl Display for Servers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.others.iter().try_for_each(|server| write!(f, ",{server}"))
    }
}

/// Reads index servers with commas between them.
pub(in crate::cli) fn index_servers(text: &str) -> Result<NamedServers, String> {
    let mut all: Vec<NamedServer> = Vec::new();
    for part in text.split(',') {
        let server = named_server(part.trim())?;
        if all.iter().any(|one| one.endpoint() == server.endpoint()) {
            return Err(format!("expected different index servers, found {} twice", excerpt(part)));
        }
        all.push(server);
    }
    if all.len() > limits::INDEX_SERVERS {
        let most = limits::INDEX_SERVERS;
        return Err(format!("expected at most {most} index servers, found {}", all.len()));
    }
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => Ok(NamedServers { first, others: all.collect() }),
        None => Err("expected an index server, found none".into()),
    }
}

/// Reads the `HOST:PORT` of a peer.
pub(in crate::cli) fn holder(text: &str) -> Result<Endpoint, String> {
    text.parse().map_err(|error: SyntaxError| match mistake(text) {
        // A list may contain any host, so only malformed text is a mistake.
        Some(mistake) => {
            let found = excerpt(text);
            format!("expected HOST:PORT, such as `localhost:5678`, found {found}: {mistake}")
        }
        None => error.to_string(),
    })
}

/// The likely mistake in a text that is neither a host nor a host and a port.
fn mistake(text: &str) -> Option<String> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Some(format!("leave out {} and any path", excerpt(&format!("{scheme}://"))));
    }
    if text.contains('/') {
        return Some("leave out the `/`; a directory is named with --share".into());
    }
    if text.contains('@') {
        return Some("leave out the user and the `@`".into());
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("a port comes after its host, as in `localhost:{text}`"));
    }
    (text.starts_with(':') && !text.starts_with("::"))
        .then(|| "the host before the port is missing".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_the_mistakes_in_them() {
        for (text, endpoint) in [
            ("localhost", "localhost:7734"),
            ("10.0.0.1:5", "10.0.0.1:5"),
            ("::1", "[::1]:7734"),
            ("[::1]", "[::1]:7734"),
            ("[::1]:5", "[::1]:5"),
            ("fe80::1%eth0", "[fe80::1%eth0]:7734"),
        ] {
            assert_eq!(index_server(text).map(|found| found.to_string()).as_deref(), Ok(endpoint));
        }
        for (text, is_alone) in [
            ("index.example.org", true),
            ("index.example.org:7734", false),
            ("::1", true),
            ("[::1]:7734", false),
        ] {
            let server = named_server(text).unwrap();
            assert_eq!(matches!(server, NamedServer::Host(_)), is_alone, "{text}");
        }
        for (text, mistake) in [
            ("http://localhost:7734/", "leave out `http://`"),
            ("[http://h]:5", "leave out `[http://`"),
            ("localhost/", "leave out the `/`"),
            ("./papers", "named with --share"),
            ("me@host", "leave out the user"),
            ("37359", "as in `localhost:37359`"),
            (":7734", "the host before the port is missing"),
            ("localhost:7734:", "several colons"),
            ("host:port", "a port from 1 to 65535"),
            ("a b", "such as `localhost`"),
        ] {
            let error = index_server(text).unwrap_err();
            assert!(error.contains(mistake), "{text}: {error}");
            assert!(error.contains("such as `localhost` or `localhost:7734`"), "{text}: {error}");
        }
        assert!(holder("http://localhost:5").is_ok() || holder("a/b:5").is_ok());
        assert!(holder("http://localhost").unwrap_err().contains("leave out `http://`"));
        assert!(holder("host").unwrap_err().contains("such as `localhost:5678`"));
    }
}
