//! Values of options that both programs have, with errors that give an example.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use crate::escape::excerpt;
use crate::system::listener_command;

/// Reads an IP address and a port.
pub(in crate::cli) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "expected an IP address and a port, such as `127.0.0.1:7734`, `[::1]:7734`, or \
             `0.0.0.0:7734` for every IPv4 address, found {}",
            excerpt(text)
        )
    })
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
        for text in
            ["", "7734", ":7734", "localhost:7734", "127.0.0.1", "::1:7734", "1.2.3.4:65536"]
        {
            let error = socket_address(text).unwrap_err();
            assert!(error.contains("such as `127.0.0.1:7734`"), "{text:?}: {error}");
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
