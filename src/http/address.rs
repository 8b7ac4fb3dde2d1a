//! Where an HTTP server listens.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;
use std::str::FromStr;

/// An address of TCP, or the path of a Unix socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HttpAddress {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

/// A text is no address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected an IP address and a port, such as `127.0.0.1:9734`, a port of this machine, such as `9734`, or \
     the path of a Unix socket with a slash, such as `/run/p2p-ci/admin.sock` or `./admin.sock`"
)]
pub struct NoAddress;

impl FromStr for HttpAddress {
    type Err = NoAddress;

    /// A text with a slash is a path; a number alone is a port on loopback.
    fn from_str(text: &str) -> Result<Self, NoAddress> {
        #[cfg(unix)]
        if text.contains('/') && !text.contains('\0') {
            return Ok(Self::Unix(text.into()));
        }
        let port = || {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            let port: Option<u16> = text.parse().ok().filter(|_| is_number);
            port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        };
        text.parse().ok().or_else(port).map(Self::Tcp).ok_or(NoAddress)
    }
}

impl Display for HttpAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            #[cfg(unix)]
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ports_and_paths() {
        for (text, shown) in [
            ("127.0.0.1:9734", "127.0.0.1:9734"),
            ("[::1]:0", "[::1]:0"),
            ("9734", "127.0.0.1:9734"),
            #[cfg(unix)]
            ("/run/p2p-ci/admin.sock", "/run/p2p-ci/admin.sock"),
            #[cfg(unix)]
            ("./a b:1", "./a b:1"),
        ] {
            assert_eq!(text.parse::<HttpAddress>().unwrap().to_string(), shown);
        }
        for text in ["", "localhost:1", "+1", "65536", "admin.sock", "a\0/b"] {
            assert_eq!(text.parse::<HttpAddress>(), Err(NoAddress), "{text:?}");
        }
        // A name alone gets the remedy.
        assert!(NoAddress.to_string().ends_with("or `./admin.sock`"));
    }
}
