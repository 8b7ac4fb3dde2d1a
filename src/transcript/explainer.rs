//! Explains all connections of a conversation, event by event.

use std::collections::BTreeMap;
use std::time::Duration;

use super::connection::{Connection, ServerKind};
use super::explained::Out;
use super::{Event, Explained, Part, What};

/// Up to this number of connections all are checked for silence at each event. With more, a message without
/// an end is explained when the next one of its connection begins.
const FEW: usize = 64;

/// Connections that are followed at the same time. One takes about two kilobytes.
const MOST: usize = 10_000;

/// Explains a conversation.
///
/// ```
/// use p2p_ci::transcript::{Event, Explainer, Side, What};
///
/// let mut explainer = Explainer::new();
/// let bytes = b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n".to_vec();
/// let what = What::Bytes(Side::Client, bytes);
/// let lines = explainer.explain(&Event { stream: String::new(), time: None, what });
/// assert_eq!(lines[0].section, "4.4");
/// assert_eq!(lines[0].meaning, "requests the records of all RFCs");
/// ```
#[derive(Debug, Default)]
pub struct Explainer {
    connections: BTreeMap<String, Connection>,
    /// The server of all connections, if it is known.
    kind: Option<ServerKind>,
    /// Events so far.
    events: u64,
}

impl Explainer {
    /// An explainer at the beginning of a conversation.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same if all connections are to a server of this kind.
    pub(crate) fn of(kind: ServerKind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// Explains the next event. Lines may belong to earlier events, whose meaning is known now.
    pub fn explain(&mut self, event: &Event) -> Vec<Explained> {
        self.follow(event).0
    }

    /// The same with the parts of the conversation as values. They belong to one connection only if
    /// all events do.
    pub(crate) fn follow(&mut self, event: &Event) -> (Vec<Explained>, Vec<Part>) {
        let (mut lines, mut parts) = self.silent_until(event.time);
        self.finish_oldest(&mut lines, &mut parts);
        self.events += 1;
        let mut out = Out::new(&event.stream, event.time);
        match &event.what {
            What::Note(text) => out.note(text.as_str()),
            What::Connect { client, server } => {
                out.note(format!("{client} connects to {server}"));
                let mut connection = Connection::new(true, self.kind);
                connection.used = self.events;
                self.connections.insert(event.stream.clone(), connection);
            }
            _ => {
                let name = event.stream.clone();
                let new = || Connection::new(false, self.kind);
                let connection = self.connections.entry(name).or_insert_with(new);
                connection.used = self.events;
                connection.explain(&event.what, &mut out);
                if connection.is_over() {
                    self.connections.remove(&event.stream);
                }
            }
        }
        lines.append(&mut out.lines);
        parts.append(&mut out.parts);
        (lines, parts)
    }

    /// With too many connections, the half of them that was used least recently is finished.
    fn finish_oldest(&mut self, lines: &mut Vec<Explained>, parts: &mut Vec<Part>) {
        if self.connections.len() < MOST {
            return;
        }
        let mut used: Vec<u64> = self.connections.values().map(|one| one.used).collect();
        used.sort_unstable();
        let first = used.get(used.len() / 2).copied().unwrap_or(u64::MAX);
        self.connections.retain(|stream, connection| {
            if connection.used >= first {
                return true;
            }
            let mut out = Out::new(stream, None);
            connection.finish(&mut out);
            lines.append(&mut out.lines);
            parts.append(&mut out.parts);
            false
        });
    }

    /// Messages without an end have ended if nothing has followed for a second.
    fn silent_until(&mut self, time: Option<Duration>) -> (Vec<Explained>, Vec<Part>) {
        let (mut lines, mut parts) = (Vec::new(), Vec::new());
        let Some(time) = time.filter(|_| self.connections.len() <= FEW) else {
            return (lines, parts);
        };
        for (stream, connection) in &mut self.connections {
            if connection.is_silent_at(time) {
                let mut out = Out::new(stream, None);
                connection.be_silent(&mut out);
                lines.append(&mut out.lines);
                parts.append(&mut out.parts);
            }
        }
        (lines, parts)
    }

    /// Neither side has sent anything for some time.
    pub(crate) fn be_silent(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        for (stream, connection) in &mut self.connections {
            let mut out = Out::new(stream, None);
            connection.be_silent(&mut out);
            parts.append(&mut out.parts);
        }
        parts
    }

    /// Both sides of a running connection are silent: that ends a reply without an end, and no request. Also
    /// returns whether a request has begun.
    pub(crate) fn pause(&mut self) -> (Vec<Explained>, bool) {
        let (mut lines, mut has_begun) = (Vec::new(), false);
        for (stream, connection) in &mut self.connections {
            let mut out = Out::new(stream, None);
            has_begun |= connection.pause(&mut out);
            lines.append(&mut out.lines);
        }
        (lines, has_begun)
    }

    /// Explains what is left at the end of the conversation.
    pub fn finish(self) -> Vec<Explained> {
        self.finish_following().0
    }

    /// The same with the parts as values.
    pub(crate) fn finish_following(self) -> (Vec<Explained>, Vec<Part>) {
        let (mut lines, mut parts) = (Vec::new(), Vec::new());
        for (stream, mut connection) in self.connections {
            let mut out = Out::new(&stream, None);
            connection.finish(&mut out);
            if connection.is_open() {
                out.note("the record ends here, and the connection does not");
            }
            lines.append(&mut out.lines);
            parts.append(&mut out.parts);
        }
        (lines, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Side;

    #[test]
    fn a_bounded_number_of_connections_is_followed() {
        let mut explainer = Explainer::new();
        let line = |stream: usize, text: &str| Event {
            stream: stream.to_string(),
            time: None,
            what: What::Bytes(Side::Client, text.as_bytes().to_vec()),
        };
        let mut count = 0;
        for stream in 1..=3 * MOST {
            count += explainer.explain(&line(stream, "LIST ALL P2P-CI/1.0\r\n")).len();
            assert!(explainer.connections.len() <= MOST);
            // This one stays, however many come.
            count += explainer.explain(&line(0, "Host: h\r\n")).len();
            assert!(explainer.connections.contains_key("0"));
        }
        count += explainer.finish().len();
        assert!(count >= 3 * MOST, "{count}");
    }
}
