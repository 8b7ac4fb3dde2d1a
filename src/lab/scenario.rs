//! A scenario as data (docs/lab.md).

mod reading;

use std::time::Duration;

use super::command::{Command, Wanted};

/// A scenario: groups of peers, what they do and when, and what is done to them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Scenario {
    /// The title, for the figures and the plot.
    pub(crate) title: String,
    /// What it shows.
    pub(crate) about: String,
    /// When it ends at the latest.
    pub(crate) duration: Duration,
    /// The number of index servers; several have one index.
    pub(crate) servers: usize,
    /// The peers are numbered in the order of their groups.
    pub(crate) groups: Vec<Group>,
    /// Commands, in the order of their times.
    pub(crate) events: Vec<Event>,
    /// Figures that others have published for a case of this shape.
    pub(crate) published: Option<Published>,
}

/// Peers of the same kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) count: usize,
    /// When the first peer joins. The others follow in intervals of `every`.
    pub(crate) joins: Duration,
    pub(crate) every: Duration,
    /// When the first peer leaves, and the others follow in the same way.
    pub(crate) leaves: Option<Duration>,
    /// The part of this peer in the time of a round trip.
    pub(crate) latency: Duration,
    /// Bytes per second that a peer sends; `None` is unlimited.
    pub(crate) rate: Option<u64>,
    pub(crate) documents: Documents,
    /// What each peer downloads, and when the first one begins.
    pub(crate) gets: Vec<Wanted>,
    pub(crate) gets_at: Option<Duration>,
    pub(crate) fault: Option<Fault>,
}

/// Documents that are generated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Documents {
    /// The RFC number of the first one.
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// The length of each in bytes.
    pub(crate) size: u64,
    /// Whether each peer of the group has other documents; otherwise they have the same.
    pub(crate) own: bool,
}

/// A fault of an upload server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It sends other bytes, with the digest of the right ones.
    Alters,
    /// It sends half of a document, and then nothing more.
    Stops,
}

/// A command at a time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) command: Command,
}

/// Figures that were published.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Published {
    pub(crate) packets: u64,
    /// The bytes of all documents.
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

impl Scenario {
    /// Peers of one kind, which join and do nothing else by themselves.
    pub(crate) fn of_peers(group: Group) -> Self {
        Self {
            title: "Laboratory".into(),
            about: String::new(),
            duration: Duration::ZERO,
            servers: 1,
            groups: vec![group],
            events: Vec::new(),
            published: None,
        }
    }

    /// The number of peers.
    pub(crate) fn peers(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }
}

#[cfg(test)]
mod tests;
