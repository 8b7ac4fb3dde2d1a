//! Documents that are added later, because the index had no room for them or did not answer
//! (protocol.md section 8.4).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::limits;
use crate::protocol::Document;

/// The documents, and the time of the next retry.
#[derive(Debug)]
pub(super) struct Waiting {
    limits: limits::Registration,
    documents: BTreeSet<Document>,
    retry: Option<(Instant, Duration)>,
}

impl Waiting {
    pub(super) fn new(limits: limits::Registration) -> Self {
        Self { limits, documents: BTreeSet::new(), retry: None }
    }

    pub(super) fn clear(&mut self) {
        self.documents.clear();
        self.retry = None;
    }

    pub(super) fn insert(&mut self, document: Document, now: Instant) {
        self.documents.insert(document);
        let pause = self.limits.retry_full;
        self.retry.get_or_insert((limits::end_of(now, pause), pause));
    }

    /// Removes a document that was registered, is no longer shared, or was refused permanently.
    pub(super) fn remove(&mut self, document: &Document) {
        self.documents.remove(document);
        if self.documents.is_empty() {
            self.retry = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.documents.len()
    }

    pub(super) fn contains(&self, document: &Document) -> bool {
        self.documents.contains(document)
    }

    /// Some of the documents, for a retry.
    pub(super) fn some(&self, most: usize) -> Vec<Document> {
        self.documents.iter().take(most).cloned().collect()
    }

    /// How many of some documents still wait.
    pub(super) fn count_of(&self, documents: &[Document]) -> usize {
        documents.iter().filter(|one| self.documents.contains(one)).count()
    }

    /// The time until the next retry, if a document waits.
    pub(super) fn retry_in(&self, now: Instant) -> Option<Duration> {
        self.retry.map(|(at, _)| at.saturating_duration_since(now))
    }

    /// Doubles the pause after a retry that registered nothing.
    pub(super) fn back_off(&mut self, now: Instant) {
        if let Some((at, pause)) = &mut self.retry {
            *pause = limits::doubled(*pause, self.limits.retry_full_max);
            *at = limits::end_of(now, *pause);
        }
    }

    /// Resets the pause after a retry that registered documents.
    pub(super) fn start_over(&mut self, now: Instant) {
        if let Some((at, pause)) = &mut self.retry {
            *pause = self.limits.retry_full;
            *at = limits::end_of(now, *pause);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: limits::Registration = limits::Registration::DEFAULT;

    #[test]
    fn a_refused_document_is_tried_again_with_backoff() {
        let rfc = |number: u32| Document::Rfc(number.to_string().parse().unwrap());
        let mut waiting = Waiting::new(LIMITS);
        let now = Instant::now();
        assert_eq!(waiting.retry_in(now), None);
        waiting.insert(rfc(1), now);
        waiting.insert(rfc(2), now + Duration::from_secs(1));
        assert_eq!(waiting.retry_in(now), Some(LIMITS.retry_full));
        for _ in 0..20 {
            waiting.back_off(now);
        }
        assert_eq!(waiting.retry_in(now), Some(LIMITS.retry_full_max));
        waiting.start_over(now);
        assert_eq!(waiting.retry_in(now), Some(LIMITS.retry_full));
        assert_eq!(waiting.some(2), [rfc(1), rfc(2)]);
        assert_eq!(waiting.count_of(&[rfc(2), rfc(3)]), 1);
        waiting.remove(&rfc(1));
        assert!(waiting.contains(&rfc(2)) && !waiting.is_empty());
        waiting.remove(&rfc(2));
        assert_eq!(waiting.retry_in(now), None);
    }

    #[test]
    fn a_pause_may_be_of_any_length() {
        let (retry_full, retry_full_max) = (Duration::MAX, Duration::MAX);
        let mut waiting =
            Waiting::new(limits::Registration { retry_full, retry_full_max, ..LIMITS });
        let now = Instant::now();
        waiting.insert(Document::Rfc("1".parse().unwrap()), now);
        waiting.back_off(now);
        waiting.start_over(now);
        assert!(waiting.retry_in(now) > Some(LIMITS.retry_full_max));
    }
}
