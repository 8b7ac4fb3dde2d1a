//! A peer that began a document and then stopped (protocol.md section 7).

use std::time::Instant;

/// When a peer stopped, and which documents it owes since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stops {
    /// Whole documents that the peer must deliver to be proven again.
    owed: u32,
    /// Whole documents that it must deliver until its last stop is forgotten.
    remembered: u32,
    last: Option<Instant>,
}

impl Stops {
    /// Notes that the peer has stopped in a transfer that began at this time. Returns `false` if the stop
    /// is known already: all transfers that one stop has ended count as one.
    ///
    /// A proven peer may have restarted, or lost its network: it owes one document, unless it has
    /// stopped before and that is not forgotten. Otherwise it owes `proven_again` documents.
    pub(super) fn add(&mut self, begun: Instant, was_proven: bool, proven_again: u32) -> bool {
        if self.last.is_some_and(|last| begun <= last) {
            return false;
        }
        let is_first = was_proven && self.remembered == 0;
        self.owed = if is_first { 1 } else { proven_again };
        self.remembered = proven_again;
        self.last = Some(Instant::now());
        true
    }

    /// Notes that the peer has delivered a whole document.
    pub(super) fn delivered(&mut self) {
        self.owed = self.owed.saturating_sub(1);
        self.remembered = self.remembered.saturating_sub(1);
    }

    /// Whether the peer owes a document.
    pub(super) fn owes_any(&self) -> bool {
        self.owed > 0
    }

    /// Whether the peer owes several documents.
    pub(super) fn owes_several(&self) -> bool {
        self.owed > 1
    }
}
