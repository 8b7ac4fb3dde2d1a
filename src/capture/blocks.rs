//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng): reading the packets of one, and writing them.

use std::io::{self, Read};
use std::time::Duration;

/// The first bytes of a pcapng file.
pub const MAGIC: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;
/// The length of a block that is read: packets are shorter, and a damaged length allocates no more.
const LONGEST: u32 = 16 * 1024 * 1024;
/// Interfaces of a section.
const INTERFACES: usize = 1024;
/// The option of an interface that says in which unit its times are.
const TIME_UNIT: u16 = 9;

/// A file that is no pcapng, or is damaged.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file does not have the form of pcapng.
    #[error("byte {at}: expected {expected}; the file is damaged or is no pcapng")]
    Form {
        /// The place of the block in the file.
        at: u64,
        /// What should be there.
        expected: &'static str,
    },
}

/// A packet of a capture.
#[derive(Debug)]
pub struct Captured {
    /// The time since 1970; zero if the file does not say it.
    pub time: Duration,
    /// The number of the link layer (LINKTYPE).
    pub link: u16,
    /// The bytes, which may be cut off.
    pub bytes: Vec<u8>,
}

/// Reads the packets of a file, one after the other.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    is_big_endian: bool,
    interfaces: Vec<Interface>,
    at: u64,
    is_cut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u16,
    /// Times count in one of these parts of a second.
    per_second: u64,
}

impl<R: Read> Reader<R> {
    /// A reader of a file from its beginning.
    pub fn new(input: R) -> Self {
        Self { input, is_big_endian: false, interfaces: Vec::new(), at: 0, is_cut: false }
    }

    /// The place of the block within which the file ended: a program that was killed leaves such a file.
    pub fn cut_at(&self) -> Option<u64> {
        self.is_cut.then_some(self.at)
    }

    /// Returns the next packet; `None` at the end of the file, also within a block.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged.
    pub fn next_packet(&mut self) -> Result<Option<Captured>, ReadError> {
        while let Some((kind, body)) = self.block()? {
            match kind {
                SECTION => self.interfaces.clear(),
                INTERFACE => {
                    let interface = self.interface(&body);
                    if self.interfaces.len() >= INTERFACES {
                        return Err(self.form("at most 1024 interfaces"));
                    }
                    self.interfaces.push(interface.ok_or_else(|| self.form("an interface"))?);
                }
                PACKET => {
                    let packet = self.packet(&body);
                    return packet.map(Some).ok_or_else(|| self.form("a packet of an interface"));
                }
                SIMPLE_PACKET => {
                    let link = self.interfaces.first().map(|interface| interface.link);
                    let link = link.ok_or_else(|| self.form("an interface before a packet"))?;
                    let bytes = body.get(4..).unwrap_or_default().to_vec();
                    return Ok(Some(Captured { time: Duration::ZERO, link, bytes }));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn form(&self, expected: &'static str) -> ReadError {
        ReadError::Form { at: self.at, expected }
    }

    /// The next block: its kind and its body.
    fn block(&mut self) -> Result<Option<(u32, Vec<u8>)>, ReadError> {
        let first = self.read(8)?;
        if first.len() < 8 {
            self.is_cut = !first.is_empty();
            return Ok(None);
        }
        let is_section = first.starts_with(&MAGIC);
        let mut length = first.get(4..8).unwrap_or_default().to_vec();
        let mut body = Vec::new();
        if is_section {
            let Some(order) = self.take(4)? else { return Ok(None) };
            self.is_big_endian = match order.as_slice() {
                [0x1A, 0x2B, 0x3C, 0x4D] => true,
                [0x4D, 0x3C, 0x2B, 0x1A] => false,
                _ => return Err(self.form("a section with its byte order")),
            };
            body = order;
        }
        if self.is_big_endian {
            length.reverse();
        }
        let length = length.iter().rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        if length < 12 || !length.is_multiple_of(4) || length > LONGEST {
            return Err(self.form("the length of a block"));
        }
        let rest = usize::try_from(length).unwrap_or(0).saturating_sub(8 + body.len());
        let Some(rest) = self.take(rest)? else { return Ok(None) };
        body.extend_from_slice(rest.get(..rest.len().saturating_sub(4)).unwrap_or_default());
        let kind = self.u32(&first, 0).unwrap_or(0);
        self.at = self.at.saturating_add(u64::from(length));
        Ok(Some((kind, body)))
    }

    /// Reads this number of bytes of a block; `None` if the file ends before.
    fn take(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.read(count)?;
        self.is_cut = bytes.len() < count;
        Ok((!self.is_cut).then_some(bytes))
    }

    /// Reads this number of bytes, or those before the end of the file.
    fn read(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn interface(&self, body: &[u8]) -> Option<Interface> {
        let mut per_second = 1_000_000;
        let mut at = 8_usize;
        while let (Some(code), Some(length)) = (self.u16(body, at), self.u16(body, at + 2)) {
            if code == 0 {
                break;
            }
            if code == TIME_UNIT {
                let unit = *body.get(at + 4)?;
                let power = u32::from(unit & 0x7F);
                let base: u64 = if unit & 0x80 == 0 { 10 } else { 2 };
                per_second = base.checked_pow(power)?;
            }
            at = at.saturating_add(4 + usize::from(length).next_multiple_of(4));
        }
        Some(Interface { link: self.u16(body, 0)?, per_second })
    }

    fn packet(&self, body: &[u8]) -> Option<Captured> {
        let interface = usize::try_from(self.u32(body, 0)?).ok()?;
        let Interface { link, per_second } = *self.interfaces.get(interface)?;
        let units = (u64::from(self.u32(body, 4)?) << 32) | u64::from(self.u32(body, 8)?);
        let part = u128::from(units % per_second) * 1_000_000_000 / u128::from(per_second);
        let time = Duration::new(units / per_second, u32::try_from(part).ok()?);
        let length = usize::try_from(self.u32(body, 12)?).ok()?;
        let bytes = body.get(20..20_usize.checked_add(length)?)?.to_vec();
        Some(Captured { time, link, bytes })
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes: [u8; 2] = bytes.get(at..)?.get(..2)?.try_into().ok()?;
        Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes: [u8; 4] = bytes.get(at..)?.get(..4)?.try_into().ok()?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

/// The blocks before the first packet: a section with one interface without a link layer.
pub(super) fn beginning() -> Vec<u8> {
    let mut section = 0x1A2B_3C4D_u32.to_le_bytes().to_vec();
    section.extend([1, 0, 0, 0]);
    section.extend(u64::MAX.to_le_bytes());
    let mut interface = super::packet::RAW.to_le_bytes().to_vec();
    interface.extend([0; 6]);
    [block(SECTION, &section), block(INTERFACE, &interface)].concat()
}

/// The block of a packet. This number of bytes is missing at its end.
pub(super) fn packet(time: Duration, bytes: &[u8], missing: usize) -> Vec<u8> {
    let time = u64::try_from(time.as_micros()).unwrap_or(0);
    let [high, low] = [time >> 32, time & 0xFFFF_FFFF];
    let numbers = [0, high, low, bytes.len() as u64, (bytes.len() + missing) as u64];
    let numbers = numbers.into_iter().map(|number| u32::try_from(number).unwrap_or(0));
    let mut body: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
    body.extend_from_slice(bytes);
    block(PACKET, &body)
}

/// A block: kind, length, body in multiples of four bytes, length.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(12 + padded).unwrap_or(0).to_le_bytes();
    let mut block = Vec::with_capacity(12 + padded);
    block.extend(kind.to_le_bytes());
    block.extend(length);
    block.extend_from_slice(body);
    block.resize(8 + padded, 0);
    block.extend(length);
    block
}
