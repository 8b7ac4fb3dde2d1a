//! One direction of a TCP connection in its order.

use crate::capture::{Flags, Packet};

/// Bytes that wait for earlier ones: more means that the earlier ones are not in the capture.
const MOST_WAITING: usize = 1024 * 1024;
/// Segments that wait.
const MOST_SEGMENTS: usize = 256;

/// What follows in the order of the connection.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// This number of bytes is not in the capture.
    Missing(u64),
    End,
}

/// Puts segments in order.
#[derive(Debug, Default)]
pub(super) struct Direction {
    next: Option<u32>,
    waiting: Vec<Segment>,
    has_ended: bool,
}

#[derive(Debug)]
struct Segment {
    sequence: u32,
    data: Vec<u8>,
    length: usize,
    is_last: bool,
}

impl Direction {
    /// A segment has been captured. Returns what is now in order.
    pub(super) fn push(&mut self, packet: &Packet<'_>) -> Vec<Piece> {
        let is_first = packet.flags.has(Flags::SYN);
        let sequence = packet.sequence.wrapping_add(u32::from(is_first));
        self.next.get_or_insert(sequence);
        let is_last = packet.flags.has(Flags::FIN);
        if packet.length > 0 || is_last {
            let (data, length) = (packet.data.to_vec(), packet.length);
            self.waiting.push(Segment { sequence, data, length, is_last });
        }
        let mut pieces = self.in_order();
        let bytes: usize = self.waiting.iter().map(|segment| segment.data.len()).sum();
        if bytes > MOST_WAITING || self.waiting.len() > MOST_SEGMENTS {
            self.skip_missing(&mut pieces);
        }
        pieces
    }

    /// The capture ends here.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while !self.waiting.is_empty() {
            self.skip_missing(&mut pieces);
        }
        pieces
    }

    /// Whether the sender has ended it.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    fn skip_missing(&mut self, pieces: &mut Vec<Piece>) {
        let Some(next) = self.next else { return };
        let distance = |segment: &Segment| segment.sequence.wrapping_sub(next);
        let Some(nearest) = self.waiting.iter().min_by_key(|segment| distance(segment)) else {
            return;
        };
        pieces.push(Piece::Missing(distance(nearest).into()));
        self.next = Some(nearest.sequence);
        pieces.extend(self.in_order());
    }

    fn in_order(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while let Some(next) = self.next {
            // How many bytes of a segment are known already; half of all numbers are later ones.
            let known = |segment: &Segment| {
                let known = next.wrapping_sub(segment.sequence);
                usize::try_from(known).ok().filter(|_| known < 1 << 31)
            };
            let Some(at) = self.waiting.iter().position(|segment| known(segment).is_some()) else {
                break;
            };
            let segment = self.waiting.swap_remove(at);
            let known = known(&segment).unwrap_or(0);
            let fresh = segment.length.saturating_sub(known);
            let data = segment.data.get(known..).unwrap_or_default().to_vec();
            let missing = fresh.saturating_sub(data.len()) as u64;
            self.next = Some(next.wrapping_add(u32::try_from(fresh).unwrap_or(0)));
            if !data.is_empty() {
                pieces.push(Piece::Bytes(data));
            }
            if missing > 0 {
                pieces.push(Piece::Missing(missing));
            }
            if segment.is_last && !self.has_ended {
                self.has_ended = true;
                pieces.push(Piece::End);
            }
        }
        pieces
    }
}
