//! The name servers of this machine, as `/etc/resolv.conf` names them.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::limits;

/// The file of most Unix systems. Elsewhere there is none, and no name is looked up.
const FILE: &str = "/etc/resolv.conf";
/// The port of name servers.
const PORT: u16 = 53;

/// The name servers of this machine; none if the file is missing.
pub fn name_servers() -> Vec<SocketAddr> {
    let mut text = Vec::new();
    let read = File::open(Path::new(FILE))
        .and_then(|file| file.take(limits::DNS_CONFIGURATION).read_to_end(&mut text));
    match read {
        Ok(_) => parse(&String::from_utf8_lossy(&text)),
        Err(error) => {
            log::debug!("no name server is known: {FILE}: {error}");
            Vec::new()
        }
    }
}

/// The servers of lines such as `nameserver 192.0.2.1`. Other lines, and addresses with a scope, are ignored.
fn parse(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, PORT))
    };
    text.lines().filter_map(address).take(limits::DNS_SERVERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_name_servers_are_read() {
        for (text, servers) in [
            ("", &[][..]),
            ("nameserver 192.0.2.1", &["192.0.2.1:53"][..]),
            (
                "# nameserver 1.1.1.1\nsearch example.org\n  nameserver\t2001:db8::1 # the first\n\
                 ;nameserver 9.9.9.9\r\nnameserver 192.0.2.1\r\noptions timeout:1\n",
                &["[2001:db8::1]:53", "192.0.2.1:53"][..],
            ),
            ("nameserver\nnameserver host\nnameserver 1.2.3\nnameservers 1.2.3.4\n", &[][..]),
            (
                "nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\nnameserver 1.0.0.4\n",
                &["1.0.0.1:53", "1.0.0.2:53", "1.0.0.3:53"][..],
            ),
        ] {
            let found: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
            assert_eq!(found, servers, "{text:?}");
        }
    }
}
