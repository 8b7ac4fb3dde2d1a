//! TCP over IPv4 and IPv6 in a packet (RFC 791, RFC 8200, RFC 9293).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Packets without a link layer (LINKTYPE_RAW).
pub(super) const RAW: u16 = 101;
const TCP: u8 = 6;

/// The flags of a segment that open and close a connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags(u8);

impl Flags {
    /// The sender has sent all its bytes.
    pub const FIN: Self = Self(0x01);
    /// The first segment of a sender.
    pub const SYN: Self = Self(0x02);
    /// The sender has aborted the connection.
    pub const RST: Self = Self(0x04);
    /// The receiver should not wait for more bytes.
    pub const PSH: Self = Self(0x08);
    /// The segment acknowledges bytes of the other side.
    pub const ACK: Self = Self(0x10);

    /// These flags and others.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all these flags are set.
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// A TCP segment.
#[derive(Debug)]
pub struct Packet<'a> {
    /// The sender.
    pub from: SocketAddr,
    /// The receiver.
    pub to: SocketAddr,
    /// The place of the first byte.
    pub sequence: u32,
    /// What it says of the connection.
    pub flags: Flags,
    /// The bytes that the capture has.
    pub data: &'a [u8],
    /// The number of bytes that were sent.
    pub length: usize,
}

impl<'a> Packet<'a> {
    /// Reads a packet of a link layer; `None` if it is not a whole head of TCP over IP, or a fragment.
    pub fn parse(link: u16, bytes: &'a [u8]) -> Option<Self> {
        match link {
            // BSD loopback.
            0 => Self::of_ip(bytes.get(4..)?),
            // Ethernet, with a VLAN or without.
            1 if bytes.get(12..14)? == [0x81, 0] => Self::of_ip(bytes.get(18..)?),
            1 => Self::of_ip(bytes.get(14..)?),
            12 | 14 | RAW | 228 | 229 => Self::of_ip(bytes),
            // Linux "cooked", versions 1 and 2.
            113 => Self::of_ip(bytes.get(16..)?),
            276 => Self::of_ip(bytes.get(20..)?),
            _ => None,
        }
    }

    fn of_ip(bytes: &'a [u8]) -> Option<Self> {
        let (from, to, head, total): (IpAddr, IpAddr, usize, usize) = match bytes.first()? >> 4 {
            4 => {
                let head = usize::from(bytes.first()? & 0xF) * 4;
                let is_fragment = u16_at(bytes, 6)? & 0x3FFF != 0;
                if *bytes.get(9)? != TCP || is_fragment || head < 20 {
                    return None;
                }
                let address = |at| {
                    let bytes: Option<[u8; 4]> = bytes.get(at..)?.get(..4)?.try_into().ok();
                    bytes.map(|bytes| Ipv4Addr::from(bytes).into())
                };
                (address(12)?, address(16)?, head, usize::from(u16_at(bytes, 2)?))
            }
            6 if *bytes.get(6)? == TCP => {
                let address = |at| {
                    let bytes: Option<[u8; 16]> = bytes.get(at..)?.get(..16)?.try_into().ok();
                    bytes.map(|bytes| Ipv6Addr::from(bytes).into())
                };
                (address(8)?, address(24)?, 40, 40 + usize::from(u16_at(bytes, 4)?))
            }
            _ => return None,
        };
        let tcp = bytes.get(head..)?;
        let tcp_head = usize::from(*tcp.get(12)? >> 4) * 4;
        let end = total.min(bytes.len());
        // A length of 0 means that the system would have divided the packet.
        let (end, total) = if total == 0 { (bytes.len(), bytes.len()) } else { (end, total) };
        let start = head.checked_add(tcp_head)?;
        Some(Self {
            from: SocketAddr::new(from, u16_at(tcp, 0)?),
            to: SocketAddr::new(to, u16_at(tcp, 2)?),
            sequence: u32::from_be_bytes(tcp.get(4..8)?.try_into().ok()?),
            flags: Flags(*tcp.get(13)?),
            data: bytes.get(start..end)?,
            length: total.checked_sub(start)?,
        })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..)?.get(..2)?.try_into().ok()?))
}

/// A segment that is written.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    pub(super) flags: Flags,
    /// The bytes that are recorded.
    pub(super) data: &'a [u8],
    /// The number of bytes that were sent, at most 60,000.
    pub(super) length: usize,
}

impl Segment<'_> {
    /// The number of bytes that are not recorded.
    pub(super) fn missing(&self) -> usize {
        self.length.saturating_sub(self.data.len())
    }

    /// As a reader of the capture sees it.
    pub(super) fn packet(&self) -> Packet<'_> {
        let Self { from, to, sequence, flags, data, length, .. } = *self;
        Packet { from, to, sequence, flags, data, length }
    }

    /// The packet. Its checksums are 0, which Wireshark does not verify.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut packet = Vec::with_capacity(60 + self.data.len());
        let of_tcp = u16::try_from(20 + self.length).unwrap_or(u16::MAX);
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                packet.extend([0x45, 0]);
                packet.extend(of_tcp.saturating_add(20).to_be_bytes());
                // Not divided; 64 hops.
                packet.extend([0, 0, 0x40, 0, 64, TCP, 0, 0]);
                packet.extend(from.octets());
                packet.extend(to.octets());
            }
            (from, to) => {
                let octets = |address| match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                packet.extend([0x60, 0, 0, 0]);
                packet.extend(of_tcp.to_be_bytes());
                packet.extend([TCP, 64]);
                packet.extend(octets(from));
                packet.extend(octets(to));
            }
        }
        packet.extend(self.from.port().to_be_bytes());
        packet.extend(self.to.port().to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        let is_known = self.flags.has(Flags::ACK);
        packet.extend(if is_known { self.acknowledged } else { 0 }.to_be_bytes());
        packet.extend([0x50, self.flags.0, 0xFF, 0xFF, 0, 0, 0, 0]);
        packet.extend(self.data);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_read_as_they_were_written() {
        for (from, to) in [("192.0.2.1:40000", "192.0.2.2:7734"), ("[2001:db8::1]:1", "[::1]:2")] {
            let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
            let flags = Flags::PSH.and(Flags::ACK);
            let segment = Segment {
                from,
                to,
                sequence: 7,
                acknowledged: 8,
                flags,
                data: b"LIST",
                length: 60_000,
            };
            assert_eq!(segment.missing(), 59_996);
            let bytes = segment.encode();
            let packet = Packet::parse(RAW, &bytes).unwrap();
            assert_eq!((packet.from, packet.to, packet.sequence), (from, to, 7));
            assert_eq!((packet.flags, packet.data, packet.length), (flags, &b"LIST"[..], 60_000));
        }
    }
}
