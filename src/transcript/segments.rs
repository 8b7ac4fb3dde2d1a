//! Text with one line for each segment: `0.500 [s0 :7734] C> b'LIST ALL P2P-CI/1.0\r\n'`.
//!
//! A line has the time in seconds, the connection and the port that was connected to, and an event:
//! `-- C connects (from :PORT)`, bytes of a side, `FIN` or `RST`.

use std::time::Duration;

use super::literal::shortened;
use super::{Event, Side, What};

/// A line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SegmentLine<'a> {
    /// The time since the beginning of the capture.
    pub time: Duration,
    /// The name of the connection.
    pub stream: &'a str,
    /// The port that was connected to.
    pub port: &'a str,
    /// What happens. Bytes that are shortened in the middle are three events.
    pub what: Vec<What>,
    /// Whether each byte was a segment of its own.
    pub is_divided: bool,
}

impl<'a> SegmentLine<'a> {
    /// Reads a line; `None` if it has another form.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (seconds, rest) = line.trim_start().split_once(" [")?;
        let (stream, rest) = rest.split_once(" :")?;
        let (port, event) = rest.split_once("] ")?;
        let (seconds, part) = seconds.split_once('.')?;
        let part = part.get(..3).filter(|_| part.len() == 3)?.parse().ok()?;
        let time =
            Duration::from_secs(seconds.parse().ok()?).checked_add(Duration::from_millis(part))?;
        let this = |what, is_divided| Some(Self { time, stream, port, what, is_divided });
        if let Some(from) = event.strip_prefix("-- C connects (from :") {
            let client = format!(":{}", from.strip_suffix(')')?);
            return this(vec![What::Connect { client, server: format!(":{port}") }], false);
        }
        let (side, event) = match event.split_at_checked(3)? {
            ("C> ", event) => (Side::Client, event),
            ("S> ", event) => (Side::Server, event),
            _ => return None,
        };
        match event {
            "FIN" => this(vec![What::End(side)], false),
            "RST" => this(vec![What::Reset(side)], false),
            _ => {
                let divided = event.strip_suffix("   (one byte a segment)");
                let (first, missing, last) = shortened(divided.unwrap_or(event))?;
                let mut what = vec![What::Bytes(side, first)];
                if missing > 0 {
                    what.extend([What::Missing(side, missing), What::Bytes(side, last)]);
                }
                this(what, divided.is_some())
            }
        }
    }

    /// What happens, as events of a conversation.
    pub(super) fn into_events(self) -> impl Iterator<Item = Event> {
        let Self { time, stream, what, .. } = self;
        what.into_iter().map(move |what| Event { stream: stream.into(), time: Some(time), what })
    }
}
