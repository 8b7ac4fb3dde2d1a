//! The few messages of the table (KRPC of BEP 5) that introducing a node takes, as bencoded bytes.

use std::net::SocketAddrV4;

/// The identifier of a node.
pub(super) type NodeId = [u8; 20];
/// The transaction identifier of a request and its reply.
pub(super) type Transaction = [u8; 4];

/// Lists and dictionaries within each other in a message.
const DEPTH: usize = 4;

/// A message that was received, as far as it matters here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Received {
    /// A request.
    Request(Transaction),
    /// A reply of this node to this request.
    Reply(NodeId, Transaction),
}

impl Received {
    /// Reads a message; `None` for any other bytes.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let message = Dictionary::read(bytes)?;
        let transaction = message.find(b"t").and_then(string)?.try_into().ok()?;
        match message.find(b"y").and_then(string)? {
            b"q" => Some(Self::Request(transaction)),
            b"r" => {
                let reply = Dictionary::read(message.find(b"r")?)?;
                let id = reply.find(b"id").and_then(string)?.try_into().ok()?;
                Some(Self::Reply(id, transaction))
            }
            _ => None,
        }
    }
}

/// The request of a node for others that are close to an identifier.
pub(super) fn find_node(from: &NodeId, target: &NodeId) -> Vec<u8> {
    let parts: [&[u8]; 5] =
        [b"d1:ad2:id20:", from, b"6:target20:", target, b"e1:q9:find_node1:t4:join1:y1:qe"];
    parts.concat()
}

/// A request that shows whether a node is there.
pub(super) fn ping(from: &NodeId, transaction: Transaction) -> Vec<u8> {
    let parts: [&[u8]; 5] = [b"d1:ad2:id20:", from, b"e1:q4:ping1:t4:", &transaction, b"1:y1:qe"];
    parts.concat()
}

/// The reply to a request for nodes.
pub(super) fn nodes(
    from: &NodeId,
    transaction: Transaction,
    nodes: impl Iterator<Item = (NodeId, SocketAddrV4)>,
) -> Vec<u8> {
    let mut compact = Vec::new();
    for (id, address) in nodes {
        compact.extend_from_slice(&id);
        compact.extend_from_slice(&address.ip().octets());
        compact.extend_from_slice(&address.port().to_be_bytes());
    }
    let length = format!("5:nodes{}:", compact.len());
    let parts: [&[u8]; 7] =
        [b"d1:rd2:id20:", from, length.as_bytes(), &compact, b"e1:t4:", &transaction, b"1:y1:re"];
    parts.concat()
}

/// A bencoded dictionary: its keys and values, without the `d` and the `e`.
struct Dictionary<'a>(&'a [u8]);

impl<'a> Dictionary<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (value, rest) = value(bytes, DEPTH)?;
        let inner = value.strip_prefix(b"d")?.strip_suffix(b"e")?;
        rest.is_empty().then_some(Self(inner))
    }

    /// The bytes of the value of a key.
    fn find(&self, key: &[u8]) -> Option<&'a [u8]> {
        let mut left = self.0;
        loop {
            let (name, rest) = value(left, DEPTH)?;
            let (found, rest) = value(rest, DEPTH)?;
            if string(name)? == key {
                return Some(found);
            }
            left = rest;
        }
    }
}

/// The bytes of a bencoded string.
fn string(value: &[u8]) -> Option<&[u8]> {
    let colon = value.iter().position(|byte| *byte == b':')?;
    value.get(colon + 1..)
}

/// Divides bytes into the first bencoded value and the rest.
fn value(bytes: &[u8], depth: usize) -> Option<(&[u8], &[u8])> {
    let length = match bytes.first()? {
        b'0'..=b'9' => {
            let colon = bytes.iter().take(8).position(|byte| *byte == b':')?;
            let digits = std::str::from_utf8(bytes.get(..colon)?).ok()?;
            colon.checked_add(1)?.checked_add(digits.parse().ok()?)?
        }
        b'i' => bytes.iter().position(|byte| *byte == b'e')?.checked_add(1)?,
        b'd' | b'l' => {
            let inner = depth.checked_sub(1)?;
            let mut rest = bytes.get(1..)?;
            while rest.first()? != &b'e' {
                rest = value(rest, inner)?.1;
            }
            bytes.len().checked_sub(rest.len())?.checked_add(1)?
        }
        _ => return None,
    };
    bytes.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn messages_are_read_and_prefixes_are_not() {
        let (one, other) = ([b'1'; 20], [b'e'; 20]);
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7734);
        for (bytes, expected) in [
            (ping(&one, *b"\0:e1"), Received::Request(*b"\0:e1")),
            (find_node(&one, &other), Received::Request(*b"join")),
            (nodes(&one, *b"abcd", [(other, address)].into_iter()), Received::Reply(one, *b"abcd")),
            (
                b"d1:rd2:id20:11111111111111111111e1:t4:abcd1:y1:re".to_vec(),
                Received::Reply(one, *b"abcd"),
            ),
        ] {
            assert_eq!(Received::read(&bytes), Some(expected), "{}", bytes.escape_ascii());
            for end in 0..bytes.len() {
                assert_eq!(Received::read(&bytes[..end]), None, "prefix {end}");
            }
        }
    }

    #[test]
    fn other_bytes_are_no_messages() {
        for bytes in [
            &b""[..],
            b"de",
            b"i1e",
            b"d1:y1:qe",
            b"d1:t2:ab1:y1:qe",
            b"d1:rd2:id3:abce1:y1:re",
            b"d1:y1:xe",
            b"d99999999999999999999:",
            b"d18446744073709551615:",
            b"ddddddddddddddddddddd",
            b"llllllllllllllllllllll",
            b"1:",
        ] {
            assert_eq!(Received::read(bytes), None, "{}", bytes.escape_ascii());
        }
    }
}
