//! The bound on empty lines, which mean nothing between two messages (protocol.md section 7).

use std::time::Duration;

/// Time after which the count begins again: an occasional empty line is harmless.
const TIME: Duration = Duration::from_mins(1);

/// Counts the bytes of empty lines that arrive before a message.
#[derive(Debug)]
pub(super) struct EmptyLines {
    most: usize,
    bytes: usize,
    since: Option<Duration>,
}

impl EmptyLines {
    /// Allows this many bytes before a message, in a minute.
    pub(super) fn at_most(most: usize) -> Self {
        Self { most, bytes: 0, since: None }
    }

    /// Counts bytes that have arrived now; returns whether their number is within the bound.
    pub(super) fn allows(&mut self, bytes: usize, now: impl FnOnce() -> Duration) -> bool {
        bytes == 0 || self.allows_at(bytes, now())
    }

    fn allows_at(&mut self, bytes: usize, now: Duration) -> bool {
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(since) >= TIME {
            (self.bytes, self.since) = (0, Some(now));
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.bytes <= self.most
    }

    /// Whether any have arrived since the last message.
    pub(super) fn has_any(&self) -> bool {
        self.since.is_some()
    }

    /// A message has arrived.
    pub(super) fn reset(&mut self) {
        (self.bytes, self.since) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_are_counted_until_a_message_arrives() {
        let (mut lines, now) = (EmptyLines::at_most(4), Duration::from_secs(7));
        assert!(lines.allows_at(2, now) && lines.allows_at(2, now));
        assert!(!lines.allows_at(1, now));
        lines.reset();
        assert!(lines.allows_at(4, now) && !lines.allows_at(1, now));
        // One a minute is harmless.
        assert!(lines.allows_at(4, now + TIME) && lines.allows_at(4, now + TIME * 2));
        assert!(!lines.allows_at(1, now + TIME * 2));
    }
}
