//! What a server has shown, and how its reply has arrived so far, for those who report it.

use std::time::Duration;

use super::IndexClient;
use super::silence::IndexTraits;

impl IndexClient {
    /// The behaviour that the server has shown on this connection.
    pub fn has_shown(&self) -> IndexTraits {
        IndexTraits {
            extensions: self.decoder.shows_attributes(),
            final_lines: self.decoder.shows_final_lines(),
            adds_without_record: self.has_added_without_record,
            silent_ends: self.has_silent_ends,
        }
    }

    /// The beginning of the last line that was read, for messages.
    pub fn last_line(&self) -> &[u8] {
        &self.last
    }

    /// The longest time within the present reply in which this peer did not read.
    pub fn paused(&self) -> Duration {
        self.rate.paused
    }

    /// The time in which the next reply must begin.
    pub fn allowed(&self) -> Duration {
        self.allowed
    }
}
