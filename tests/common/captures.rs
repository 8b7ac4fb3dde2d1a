//! Captures as text, one line for each segment.
//!
//! A line has the time in seconds, the stream and the port that was connected to, and an event: `-- C connects
//! (from :PORT)`, `C> b'…'` towards the listening side, `S> b'…'` from it, `FIN` or `RST`. Long segments are
//! shortened in the middle: `b'…' ...<1024 bytes total>... b'…'`. The missing bytes are filled.

use p2p_ci::transcript::{SegmentLine, Side, What, shortened};

/// One line of a capture.
#[derive(Debug)]
pub struct Line<'a> {
    pub milliseconds: u64,
    pub stream: &'a str,
    /// The port that was connected to.
    pub port: u16,
    pub event: Event,
}

/// An event of a stream.
#[derive(Debug)]
pub enum Event {
    /// The client connects from this port.
    Connect(u16),
    /// Bytes of the client or of the server, in segments of one byte each or in one.
    Bytes { from_client: bool, bytes: Vec<u8>, is_divided: bool },
    /// One side ends its stream.
    Finish { from_client: bool },
    /// One side resets the connection.
    Reset { from_client: bool },
}

/// The lines of a capture; `None` for one that cannot be restored.
pub fn lines(text: &str) -> impl Iterator<Item = Option<Line<'_>>> {
    let begins_with_time =
        |line: &&str| line.trim_start().starts_with(|c: char| c.is_ascii_digit());
    text.lines().filter(begins_with_time).map(line)
}

fn line(line: &str) -> Option<Line<'_>> {
    let SegmentLine { time, stream, port, what, is_divided } = SegmentLine::parse(line)?;
    let milliseconds = u64::try_from(time.as_millis()).ok()?;
    let is_client = |side: &Side| *side == Side::Client;
    let event = match what.as_slice() {
        [What::Connect { client, .. }] => Event::Connect(client.strip_prefix(':')?.parse().ok()?),
        [What::End(side)] => Event::Finish { from_client: is_client(side) },
        [What::Reset(side)] => Event::Reset { from_client: is_client(side) },
        [What::Bytes(side, bytes)] => {
            Event::Bytes { from_client: is_client(side), bytes: bytes.clone(), is_divided }
        }
        [What::Bytes(side, first), What::Missing(_, missing), What::Bytes(_, last)] => {
            let bytes = filled(first.clone(), *missing, last)?;
            Event::Bytes { from_client: is_client(side), bytes, is_divided }
        }
        _ => return None,
    };
    Some(Line { milliseconds, stream, port: port.parse().ok()?, event })
}

/// The bytes of a segment, with the missing ones filled: with padding if that is on both sides, else with
/// full stops.
pub fn segment(event: &str) -> Option<Vec<u8>> {
    let (bytes, missing, last) = shortened(event)?;
    filled(bytes, missing, &last)
}

fn filled(mut bytes: Vec<u8>, missing: u64, last: &[u8]) -> Option<Vec<u8>> {
    let filler = match (bytes.last(), last.first()) {
        (Some(one), Some(other)) if one == other => *one,
        _ => b'.',
    };
    bytes.resize(bytes.len() + usize::try_from(missing).ok()?, filler);
    bytes.extend(last);
    Some(bytes)
}
