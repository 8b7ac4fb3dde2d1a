//! Text with one line for each segment: `0.500 [s0 :7734] C> b'LIST ALL P2P-CI/1.0\r\n'`.
//!
//! A line has the time in seconds, the connection and the port that was connected to, and an event:
//! `-- C connects (from :PORT)`, bytes of a side, `FIN` or `RST`.

use std::time::Duration;

use super::literal::shortened;
use super::{Event, Side, What};

/// The events of a line; `None` if it has another form.
pub(super) fn events(line: &str) -> Option<Vec<Event>> {
    let (seconds, rest) = line.trim_start().split_once(" [")?;
    let (stream, rest) = rest.split_once(" :")?;
    let (port, event) = rest.split_once("] ")?;
    let (seconds, part) = seconds.split_once('.')?;
    let part = part.get(..3).filter(|_| part.len() == 3)?.parse().ok()?;
    let time =
        Duration::from_secs(seconds.parse().ok()?).checked_add(Duration::from_millis(part))?;
    let one = |what| Event { stream: stream.into(), time: Some(time), what };
    if let Some(from) = event.strip_prefix("-- C connects (from :") {
        let client = format!(":{}", from.strip_suffix(')')?);
        return Some(vec![one(What::Connect { client, server: format!(":{port}") })]);
    }
    let (side, event) = match event.split_at_checked(3)? {
        ("C> ", event) => (Side::Client, event),
        ("S> ", event) => (Side::Server, event),
        _ => return None,
    };
    Some(match event {
        "FIN" => vec![one(What::End(side))],
        "RST" => vec![one(What::Reset(side))],
        _ => {
            let event = event.strip_suffix("   (one byte a segment)").unwrap_or(event);
            let (first, missing, last) = shortened(event)?;
            let rest = [What::Missing(side, missing), What::Bytes(side, last)];
            let rest = rest.into_iter().take(if missing == 0 { 0 } else { 2 });
            [What::Bytes(side, first)].into_iter().chain(rest).map(one).collect()
        }
    })
}
