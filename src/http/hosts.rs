//! The host names for which the server replies.
//!
//! A page of another site can have its name resolved to an address of this machine, and then read replies as if
//! they were its own (DNS rebinding). Its requests name the other site in `Host`. So a name must be known;
//! an IP address needs no look-up, and proves that none was used.

use std::net::{IpAddr, Ipv6Addr};

/// Host names, beyond `localhost` and all IP addresses.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Permits these names.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| comparable(&name)).collect())
    }

    /// Whether a request with this value of `Host` gets a reply.
    pub fn permits(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        if let Some(inner) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            return inner.parse::<Ipv6Addr>().is_ok();
        }
        let name = comparable(name);
        name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.contains(&name)
    }
}

fn comparable(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn without_port(host: &str) -> Option<&str> {
    let Some((name, port)) = host.rsplit_once(':') else { return Some(host) };
    if name.starts_with('[') && !name.ends_with(']') {
        // The colon is part of an IPv6 address without a port.
        return Some(host);
    }
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_known_names() {
        let hosts = Hosts::new(["Index.Example.org.".to_string()]);
        for host in [
            "127.0.0.1",
            "127.0.0.1:9734",
            "192.0.2.7:80",
            "[::1]",
            "[::1]:9734",
            "localhost:",
            "LOCALHOST:1",
            "lab.localhost:1",
            "index.example.org:9734",
            "INDEX.example.org.",
        ] {
            assert!(hosts.permits(host), "{host}");
        }
        for host in [
            "",
            ":1",
            "example.org",
            "localhost.example.org",
            "notlocalhost",
            "127.0.0.1.example.org",
            "[::1",
            "[example.org]:1",
            "localhost:x",
            "index.example.org.evil.net",
            "::1",
        ] {
            assert!(!hosts.permits(host), "{host}");
        }
    }
}
