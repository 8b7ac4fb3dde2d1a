//! The last events of a laboratory, for status pages that are opened later.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::limits;

/// An event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Note {
    /// The first one has number 1.
    pub(crate) number: u64,
    /// The time since the beginning.
    pub(crate) time: Duration,
    pub(crate) text: String,
}

/// The last notes.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<VecDeque<Note>>);

impl Journal {
    pub(super) fn add(&self, time: Duration, text: &str) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = notes.back().map_or(0, |last| last.number) + 1;
        if notes.len() == limits::PAGE_ROWS {
            notes.pop_front();
        }
        notes.push_back(Note { number, time, text: text.into() });
    }

    /// The last notes, the newest first.
    pub(super) fn last(&self) -> Vec<Note> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_notes_are_kept() {
        let journal = Journal::default();
        let most = limits::PAGE_ROWS as u64;
        for number in 1..=2 * most {
            journal.add(Duration::from_secs(number), &number.to_string());
        }
        let numbers: Vec<u64> = journal.last().iter().map(|note| note.number).collect();
        assert_eq!(numbers, (most + 1..=2 * most).rev().collect::<Vec<u64>>());
        assert_eq!(journal.last()[0].text, (2 * most).to_string());
    }
}
