//! Values of options that both programs have, with errors that give an example.

use std::fmt::{self, Display};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::num::NonZeroUsize;
use std::str::FromStr;

use ipnet::IpNet;

use crate::escape::excerpt;
use crate::net;
use crate::system::listener_command;

/// Where a program listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Listen {
    Address(SocketAddr),
    /// At every address, IPv4 and IPv6.
    Port(u16),
}

impl Listen {
    pub(in crate::cli) fn port(self) -> u16 {
        match self {
            Self::Address(address) => address.port(),
            Self::Port(port) => port,
        }
    }

    /// Starts to listen there.
    ///
    /// # Errors
    /// As [`net::listen`] and [`net::listen_everywhere`].
    pub(in crate::cli) fn bind(self) -> io::Result<TcpListener> {
        match self {
            Self::Address(address) => net::listen(address),
            Self::Port(port) => net::listen_everywhere(port),
        }
    }
}

impl Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Port(port) => write!(f, "port {port}"),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    /// Reads an IP address and a port, or a port.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(port) if is_number => Ok(Self::Port(port)),
            _ => socket_address(text).map(Self::Address).map_err(|error| {
                error.replace("and a port, such", "and a port, or a port alone, such")
            }),
        }
    }
}

/// Where the node of a distributed hash table in a server listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum TableAddress {
    /// At the first address at which the server listens. The file says `true`.
    OfListener,
    At(SocketAddrV4),
}

impl FromStr for TableAddress {
    type Err = String;

    /// Reads an IPv4 address and a port, a port, or `true`.
    fn from_str(text: &str) -> Result<Self, String> {
        let every = |port| SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        match (text, text.parse::<Listen>()) {
            ("true", _) => Ok(Self::OfListener),
            (_, Ok(Listen::Address(SocketAddr::V4(address)))) => Ok(Self::At(address)),
            (_, Ok(Listen::Port(port))) => Ok(Self::At(every(port))),
            (_, Ok(Listen::Address(SocketAddr::V6(_))) | Err(_)) => Err(format!(
                "expected an IPv4 address and a UDP port, or a port alone, such as `192.0.2.7:7734` or \
                 `7734`, found {}",
                excerpt(text)
            )),
        }
    }
}

/// Reads an IP address and a port.
fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "expected an IP address and a port, such as `127.0.0.1:7734`, `[::1]:7734`, or \
             `0.0.0.0:7734` for every IPv4 address, found {}",
            excerpt(text)
        )
    })
}

/// Reads a network, or one address.
pub(in crate::cli) fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let expected = "expected a network such as `10.0.0.0/8`, or an address such as `192.0.2.7`";
    text.parse().or_else(|_| address()).map_err(|_| format!("{expected}, found {}", excerpt(text)))
}

/// The remedy when a program cannot listen at the address of an option.
pub(in crate::cli) fn remedy(kind: ErrorKind, port: u16, option: &str) -> Option<String> {
    match kind {
        ErrorKind::AddrInUse => Some(format!(
            "another program uses port {port}: choose another port with `{option} ADDR:PORT`, or find \
             that program with `{}`",
            listener_command(port)
        )),
        ErrorKind::AddrNotAvailable => Some(format!(
            "this machine does not have that address: choose another one with `{option} ADDR:PORT`, \
             such as `{option} 127.0.0.1:{port}`"
        )),
        ErrorKind::PermissionDenied => Some(format!(
            "port {port} is reserved for privileged programs: choose one from 1024 with `{option} \
             ADDR:PORT`"
        )),
        _ => None,
    }
}

/// Reads a number from 1.
pub(in crate::cli) fn count(text: &str) -> Result<NonZeroUsize, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_plain);
    number.ok_or_else(|| format!("expected a number from 1, such as `64`, found {}", excerpt(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_give_an_example() {
        assert_eq!(socket_address("[::1]:0"), Ok("[::1]:0".parse().unwrap()));
        assert_eq!("7744".parse(), Ok(Listen::Port(7744)));
        assert_eq!("[::1]:7".parse(), Ok(Listen::Address("[::1]:7".parse().unwrap())));
        for text in ["", "65536", "+7734", ":7734", "localhost:7734"] {
            let error = text.parse::<Listen>().unwrap_err();
            assert!(
                error.contains("or a port alone, such as `127.0.0.1:7734`"),
                "{text:?}: {error}"
            );
        }
        for text in
            ["", "7734", ":7734", "localhost:7734", "127.0.0.1", "::1:7734", "1.2.3.4:65536"]
        {
            let error = socket_address(text).unwrap_err();
            assert!(error.contains("such as `127.0.0.1:7734`"), "{text:?}: {error}");
        }
        let every = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 7734);
        for (text, address) in [
            ("true", TableAddress::OfListener),
            ("7734", TableAddress::At(every)),
            ("127.0.0.1:7", TableAddress::At(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7))),
        ] {
            assert_eq!(text.parse(), Ok(address));
        }
        for text in ["", "false", "[::1]:7734", "localhost:7734"] {
            let error = text.parse::<TableAddress>().unwrap_err();
            assert!(error.contains("expected an IPv4 address and a UDP port"), "{text:?}: {error}");
        }
        assert_eq!(count("64").map(NonZeroUsize::get), Ok(64));
        for text in ["", "0", "-1", "+1", "1.5", "x", "99999999999999999999"] {
            let error = count(text).unwrap_err();
            assert!(error.contains("such as `64`"), "{text:?}: {error}");
        }
        let error = count("\u{1b}[31m").unwrap_err();
        assert!(error.ends_with("found `\\x1b[31m`"), "{error}");
    }
}
