//! Documents that the index has no room for at present (protocol.md section 8.4).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::limits;
use crate::protocol::Document;

/// The documents that were answered by 503, and when they are tried again.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    documents: BTreeSet<Document>,
    retry: Option<(Instant, Duration)>,
}

impl Waiting {
    /// Adds documents; returns whether there were none before, which is when people are told.
    pub(super) fn extend(&mut self, documents: impl IntoIterator<Item = Document>) -> bool {
        let were_none = self.documents.is_empty();
        self.documents.extend(documents);
        if were_none && !self.documents.is_empty() {
            self.retry = Some((Instant::now() + limits::RETRY_FULL, limits::RETRY_FULL));
        }
        were_none && !self.documents.is_empty()
    }

    /// Removes documents that are registered now, or gone.
    pub(super) fn remove(&mut self, documents: impl IntoIterator<Item = Document>) {
        for document in documents {
            self.documents.remove(&document);
        }
        if self.documents.is_empty() {
            self.retry = None;
        }
    }

    /// Forgets all, because the connection is a new one.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Some documents to try.
    pub(super) fn some(&self, most: usize) -> Vec<Document> {
        self.documents.iter().take(most).cloned().collect()
    }

    /// The time until the next attempt, if there is anything to try.
    pub(super) fn retry_in(&self, now: Instant) -> Option<Duration> {
        self.retry.map(|(at, _)| at.saturating_duration_since(now))
    }

    /// An attempt failed: the next one is after twice the pause.
    pub(super) fn back_off(&mut self, now: Instant) {
        if let Some((at, pause)) = &mut self.retry {
            *pause = (*pause * 2).min(limits::RETRY_FULL_MAX);
            *at = now + *pause;
        }
    }

    /// An attempt succeeded: the next one is soon.
    pub(super) fn start_over(&mut self, now: Instant) {
        if let Some((at, pause)) = &mut self.retry {
            *pause = limits::RETRY_FULL;
            *at = now + *pause;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_told_once_and_tried_again_with_backoff() {
        let rfc = |number: u32| Document::Rfc(number.to_string().parse().unwrap());
        let mut waiting = Waiting::default();
        assert!(!waiting.extend([]));
        assert!(waiting.extend([rfc(1), rfc(2)]));
        assert!(!waiting.extend([rfc(3)]));
        let now = Instant::now();
        let first = waiting.retry_in(now).unwrap();
        assert!(first <= limits::RETRY_FULL);
        for _ in 0..20 {
            waiting.back_off(now);
        }
        assert_eq!(waiting.retry_in(now), Some(limits::RETRY_FULL_MAX));
        waiting.start_over(now);
        assert_eq!(waiting.retry_in(now), Some(limits::RETRY_FULL));
        assert_eq!(waiting.some(2), [rfc(1), rfc(2)]);
        waiting.remove([rfc(1), rfc(2), rfc(3)]);
        assert_eq!(waiting.retry_in(now), None);
        assert!(waiting.extend([rfc(4)]));
    }
}
