//! A request as it was received, in any form, for comparison with the rules.

use std::net::IpAddr;

use super::exchange::Operation;

/// A request, or what was sent instead.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) raw: Vec<u8>,
    text: String,
    /// Where the request line begins: after a prefix of its length, for example.
    begin: usize,
    pub(super) operation: Option<Operation>,
    /// The address from which it came, and that to which it was sent.
    pub(super) client: IpAddr,
    pub(super) server: IpAddr,
}

/// The operations whose requests have a method.
const OPERATIONS: [Operation; 4] =
    [Operation::Add, Operation::List, Operation::Lookup, Operation::Get];

/// The longest prefix before a request line.
const PREFIX: usize = 64;

impl Received {
    pub(super) fn new(raw: Vec<u8>, client: IpAddr, server: IpAddr) -> Self {
        let text = String::from_utf8_lossy(&raw).into_owned();
        let upper = text.to_ascii_uppercase();
        let places = OPERATIONS.into_iter().filter_map(|operation| {
            let place = upper.find(operation.method()).filter(|place| *place <= PREFIX)?;
            Some((place, operation))
        });
        let found = places.min_by_key(|(place, _)| *place);
        let (begin, operation) = found.map_or((0, None), |(place, found)| (place, Some(found)));
        Self { raw, text, begin, operation, client, server }
    }

    /// Whether bytes come before the request line.
    pub(super) fn has_prefix(&self) -> bool {
        self.begin > 0
    }

    /// The text from the request line on.
    pub(super) fn text(&self) -> &str {
        self.text.get(self.begin..).unwrap_or_default()
    }

    /// The request line, without its end.
    pub(super) fn line(&self) -> &str {
        self.text().lines().next().unwrap_or_default()
    }

    /// The header lines, without their ends. An empty line or `END` comes after them.
    pub(super) fn header_lines(&self) -> impl Iterator<Item = &str> {
        self.text().lines().skip(1).take_while(|line| !matches!(line.trim(), "" | "END"))
    }

    /// Whether a line `END` ends it.
    pub(super) fn has_end_line(&self) -> bool {
        self.text().lines().next_back().is_some_and(|line| line.trim() == "END")
    }

    /// The port of the peer. Some programs name it `Post` (protocol.md appendix B.4).
    pub(super) fn port(&self) -> Option<&str> {
        self.value("Port").or_else(|| self.value("Post"))
    }

    /// The values of the headers with this name.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let parts = self.header_lines().filter_map(|line| line.split_once([':', ' ']));
        parts
            .filter(move |(found, _)| found.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_start_matches(':').trim())
    }

    pub(super) fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// The number in the request line, however it is written.
    pub(super) fn number(&self) -> Option<u64> {
        let words = self.line().split_whitespace().skip(1);
        let mut numbers = words.filter_map(|word| {
            let digits = word.trim_start_matches(|c: char| !c.is_ascii_digit());
            let is_version = word.contains('/') || word.contains('.');
            digits.parse().ok().filter(|_| !is_version)
        });
        numbers.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_recognized_in_any_form() {
        for (text, operation, number, host) in [
            ("ADD RFC 5 P2P-CI/1.0\r\nHost: h\r\n\r\n", Some(Operation::Add), Some(5), Some("h")),
            (
                "0000000042lookup RFC007 P2P-CI/1.0\nhost h\n",
                Some(Operation::Lookup),
                Some(7),
                Some("h"),
            ),
            ("LIST ALL P2P-CI/1.0\nHOST :h", Some(Operation::List), None, Some("h")),
            ("GET 9 1.0\n\nHost: h", Some(Operation::Get), Some(9), None),
            ("LIST ALL P2P-CI/1.0\nEND\nHost: h\n", Some(Operation::List), None, None),
            ("\u{80}\u{3}x", None, None, None),
        ] {
            let received = Received::new(text.into(), [127, 0, 0, 1].into(), [127, 0, 0, 1].into());
            let found = (received.operation, received.number(), received.value("Host"));
            assert_eq!(found, (operation, number, host), "{text:?}");
        }
    }
}
