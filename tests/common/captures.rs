//! Captures as text, one line for each segment.
//!
//! A line has the time in seconds, the stream and the port that was connected to, and an event: `-- C connects
//! (from :PORT)`, `C> b'…'` towards the listening side, `S> b'…'` from it, `FIN` or `RST`. Long segments are
//! shortened in the middle: `b'…' ...<1024 bytes total>... b'…'`. The missing bytes are filled.

use p2p_ci::transcript::shortened;

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
    let (seconds, rest) = line.trim_start().split_once(" [")?;
    let (stream, rest) = rest.split_once(" :")?;
    let (port, event) = rest.split_once("] ")?;
    let (seconds, thousandths) = seconds.split_once('.')?;
    let milliseconds = seconds.parse::<u64>().ok()? * 1_000 + thousandths.parse::<u64>().ok()?;
    let port = port.parse().ok()?;
    Some(Line { milliseconds, stream, port, event: event_of(event)? })
}

fn event_of(event: &str) -> Option<Event> {
    if let Some(from) = event.strip_prefix("-- C connects (from :") {
        return Some(Event::Connect(from.strip_suffix(')')?.parse().ok()?));
    }
    let (from_client, event) = match event.split_at_checked(3)? {
        ("C> ", event) => (true, event),
        ("S> ", event) => (false, event),
        _ => return None,
    };
    Some(match event {
        "FIN" => Event::Finish { from_client },
        "RST" => Event::Reset { from_client },
        _ => {
            let (event, is_divided) = match event.strip_suffix("   (one byte a segment)") {
                Some(event) => (event, true),
                None => (event, false),
            };
            Event::Bytes { from_client, bytes: segment(event)?, is_divided }
        }
    })
}

/// The bytes of a segment, with the missing ones filled: with padding if that is on both sides, else with
/// full stops.
pub fn segment(event: &str) -> Option<Vec<u8>> {
    let (mut bytes, missing, last) = shortened(event)?;
    let filler = match (bytes.last(), last.first()) {
        (Some(one), Some(other)) if one == other => *one,
        _ => b'.',
    };
    bytes.resize(bytes.len() + usize::try_from(missing).ok()?, filler);
    bytes.extend(last);
    Some(bytes)
}
