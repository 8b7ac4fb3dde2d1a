//! The ports on which programs listen, in the network namespace of this process.

use std::collections::BTreeSet;
use std::fs;

/// All ports of TCP on which a socket listens.
pub(crate) fn listening_ports() -> BTreeSet<u16> {
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
    let texts = tables.iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.flat_map(|text| text.lines().filter_map(listening).collect::<Vec<_>>()).collect()
}

/// Reads `NUMBER: ADDRESS:PORT ADDRESS:PORT STATE ...`.
fn listening(line: &str) -> Option<u16> {
    let mut words = line.split_whitespace().skip(1);
    let (local, state) = (words.next()?, words.nth(1)?);
    let (_, port) = local.rsplit_once(':')?;
    // `TCP_LISTEN`
    if state == "0A" { u16::from_str_radix(port, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_is_found() {
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(listening_ports().contains(&port(&listener)));
    }
}
