//! The endpoint of an upload server: host and port (protocol.md section 2.6).

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use smol_str::{SmolStr, ToSmolStr};

use super::SyntaxError;
use super::number::digits;
use crate::limits;

/// The host that a peer names: a host name or an IP address (protocol.md section 2.6).
///
/// Each request names one, and most are dropped immediately. A host of up to 23 bytes needs no
/// allocation.
///
/// ```text
/// host = 1*253 VCHAR   ; visible US-ASCII, no blank
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Host(SmolStr);

impl Host {
    /// The host as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let legal = (1..=limits::HOST).contains(&text.len())
            && text.bytes().fold(true, |legal, byte| legal & byte.is_ascii_graphic());
        if legal {
            Ok(Self(text.into()))
        } else {
            Err(SyntaxError::at(
                "a host of 1 to 253 visible ASCII characters, such as `localhost`",
                text,
                "2.6",
            ))
        }
    }
}

impl From<std::net::IpAddr> for Host {
    /// An IPv6 address is written without brackets, because the port is a separate word.
    fn from(address: std::net::IpAddr) -> Self {
        Self(address.to_canonical().to_smolstr())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The TCP port of an upload server (protocol.md section 2.6).
///
/// ```text
/// port = 1*5DIGIT   ; 1..=65535
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Port(NonZeroU16);

impl Port {
    /// The port of an index server (protocol.md section 1).
    pub const INDEX: Self = match NonZeroU16::new(7734) {
        Some(port) => Self(port),
        None => panic!("7734 is not 0"),
    };

    /// The number itself, 1..=65535.
    pub const fn value(self) -> u16 {
        self.0.get()
    }
}

impl FromStr for Port {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        digits(text, 5)
            .and_then(|number| u16::try_from(number).ok())
            .and_then(NonZeroU16::new)
            .map(Self)
            .ok_or_else(|| SyntaxError::at("a port from 1 to 65535, such as `5678`", text, "2.6"))
    }
}

impl TryFrom<u16> for Port {
    type Error = SyntaxError;

    fn try_from(port: u16) -> Result<Self, SyntaxError> {
        port.to_string().parse()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The endpoint of an upload server (protocol.md section 2.6).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: Port,
}

impl FromStr for Endpoint {
    type Err = SyntaxError;

    /// Reads `HOST:PORT`; an IPv6 address may be in brackets.
    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| SyntaxError::at("HOST:PORT, such as `localhost:5678`", text, "2.6"))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Ok(Self { host: host.parse()?, port: port.parse()? })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        // Without brackets of its own, a host that has some would lose them when it is read.
        if host.as_str().contains(':') || host.as_str().starts_with('[') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_at_their_edges() {
        for text in ["1", "80", "7734", "65535"] {
            assert_eq!(text.parse::<Port>().map(|p| p.to_string()), Ok(text.into()));
        }
        for text in ["", "0", "00000", "65536", "99999", "100000", "+80", "-1", " 80", "8o"] {
            assert!(text.parse::<Port>().is_err(), "port {text:?}");
        }
    }

    #[test]
    fn hosts_are_one_visible_word() {
        let longest = "a".repeat(253);
        for text in ["h", "thishost.csc.ncsu.edu", "10.0.0.1", "::1", "DESKTOP_7", &longest] {
            assert_eq!(text.parse::<Host>().map(|h| h.to_string()), Ok(text.into()));
        }
        let too_long = "a".repeat(254);
        for text in ["", " ", "a b", "a\tb", "a\u{7f}", "é", "a\0", &too_long] {
            assert!(text.parse::<Host>().is_err(), "host {text:?}");
        }
    }

    #[test]
    fn endpoints_read_and_print() {
        for text in ["localhost:5678", "10.0.0.1:1", "[::1]:65535", "[[h]]:80", "[[h]:80"] {
            assert_eq!(text.parse::<Endpoint>().map(|e| e.to_string()), Ok(text.into()));
        }
        for host in ["[h]", "[", "]", "[]", "[h", "h]", "a:b", "[::1]"] {
            let endpoint = Endpoint { host: host.parse().unwrap(), port: Port::INDEX };
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
        for text in ["", "localhost", "localhost:", ":80", "a b:80", "[]:80"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
        }
    }
}
