//! When each key is announced: immediately when it is new, then at intervals, spread over time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::key::Key;
use crate::limits;

/// The keys of a peer, and when each is announced next.
#[derive(Debug)]
pub(super) struct Schedule {
    limits: limits::Dht,
    entries: BTreeMap<Key, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// When it is announced; `None` while it is being announced.
    due: Option<Instant>,
    /// Whether documents of it are shared. A key that is no longer wanted is kept until it is due: a document
    /// that disappears and appears again and again causes no more announcements than one that stays.
    is_wanted: bool,
    /// When it was last announced and stored.
    stored: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(limits: limits::Dht) -> Self {
        Self { limits, entries: BTreeMap::new() }
    }

    /// Announces these keys from now on, and no others.
    pub(super) fn set(&mut self, keys: &BTreeSet<Key>, now: Instant) {
        self.entries.retain(|key, entry| {
            entry.is_wanted = keys.contains(key);
            entry.is_wanted || entry.stored.is_some()
        });
        for key in keys {
            let new = Entry { due: Some(now), is_wanted: true, stored: None };
            self.entries.entry(*key).or_insert(new);
        }
    }

    /// Takes the key that is due for the longest time, or says when the next one is.
    pub(super) fn take(&mut self, now: Instant) -> Next {
        self.entries.retain(|_, entry| entry.is_wanted || entry.due.is_none_or(|due| due > now));
        let waiting = self.entries.iter_mut().filter(|(_, entry)| entry.is_wanted);
        let waiting = waiting.filter_map(|(key, entry)| Some((entry.due?, key, entry)));
        match waiting.min_by_key(|(due, ..)| *due) {
            Some((due, key, entry)) if due <= now => {
                entry.due = None;
                Next::Announce(*key)
            }
            Some((due, ..)) => Next::At(due),
            None => Next::Nothing,
        }
    }

    /// Notes that an announcement was stored, or that it has failed.
    pub(super) fn done(&mut self, key: Key, is_stored: bool, now: Instant) {
        let pause = match is_stored {
            true => self.interval(key),
            false => self.limits.announce_retry,
        };
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.stored = if is_stored { Some(now) } else { entry.stored };
            entry.due = Some(limits::end_of(now, pause));
        }
    }

    /// Announces all keys again, each as soon as its last announcement is old enough: nodes have lost them.
    pub(super) fn repeat(&mut self, now: Instant) {
        for entry in self.entries.values_mut() {
            if let (Some(due), Some(stored)) = (&mut entry.due, entry.stored) {
                let again = limits::end_of(stored, self.limits.announce_least);
                *due = again.max(now).min(*due);
            }
        }
    }

    /// The time between two announcements: it differs from key to key by up to a fifth.
    fn interval(&self, key: Key) -> Duration {
        let [byte, ..] = key.bytes();
        let whole = self.limits.announce_interval;
        whole.saturating_sub(whole / 5 * u32::from(byte) / 256)
    }

    /// The keys that are wanted, and those of them that are stored.
    pub(super) fn counts(&self) -> (usize, usize) {
        let wanted = self.entries.values().filter(|entry| entry.is_wanted);
        (wanted.clone().count(), wanted.filter(|entry| entry.stored.is_some()).count())
    }
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    Announce(Key),
    /// Nothing before this time.
    At(Instant),
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Document;

    fn keys(numbers: std::ops::Range<u32>) -> BTreeSet<Key> {
        numbers.map(|n| Key::of(&Document::Rfc(n.to_string().parse().unwrap()))).collect()
    }

    /// Announces all that is due, and returns how many.
    fn announce_due(schedule: &mut Schedule, now: Instant) -> usize {
        let mut announced = 0;
        while let Next::Announce(key) = schedule.take(now) {
            schedule.done(key, true, now);
            announced += 1;
        }
        announced
    }

    #[test]
    fn keys_are_announced_again_before_they_expire_and_not_all_at_once() {
        let mut schedule = Schedule::new(limits::Dht::DEFAULT);
        let begin = Instant::now();
        schedule.set(&keys(1..1001), begin);
        assert_eq!(announce_due(&mut schedule, begin), 1000);
        let minutes = |n: u64| begin + Duration::from_secs(60 * n);
        assert_eq!(announce_due(&mut schedule, minutes(19)), 0);
        let in_each: Vec<usize> =
            (20..=25).map(|n| announce_due(&mut schedule, minutes(n))).collect();
        assert_eq!(in_each.iter().sum::<usize>(), 1000, "{in_each:?}");
        assert!(in_each.iter().all(|of_minute| *of_minute < 300), "{in_each:?}");
    }

    #[test]
    fn a_document_that_goes_is_announced_no_longer_and_one_that_comes_again_no_sooner() {
        let mut schedule = Schedule::new(limits::Dht::DEFAULT);
        let begin = Instant::now();
        schedule.set(&keys(1..3), begin);
        assert_eq!(announce_due(&mut schedule, begin), 2);
        schedule.set(&keys(1..2), begin);
        assert_eq!(schedule.counts(), (1, 1));
        schedule.set(&keys(1..3), begin);
        assert_eq!(announce_due(&mut schedule, begin), 0, "both are stored");
        schedule.set(&keys(1..2), begin);
        assert_eq!(announce_due(&mut schedule, begin + Duration::from_secs(1500)), 1);
        assert_eq!(schedule.entries.len(), 1);
    }

    #[test]
    fn keys_that_were_lost_are_announced_again_but_not_more_often_than_every_two_minutes() {
        let mut schedule = Schedule::new(limits::Dht::DEFAULT);
        let begin = Instant::now();
        let seconds = |n: u64| begin + Duration::from_secs(n);
        schedule.set(&keys(1..101), begin);
        assert_eq!(announce_due(&mut schedule, begin), 100);
        for second in (0..600).step_by(10) {
            schedule.repeat(seconds(second));
            let expected = if second > 0 && second % 120 == 0 { 100 } else { 0 };
            assert_eq!(announce_due(&mut schedule, seconds(second)), expected, "{second} s");
        }
    }

    #[test]
    fn a_failed_announcement_is_tried_again() {
        let mut schedule = Schedule::new(limits::Dht::DEFAULT);
        let begin = Instant::now();
        schedule.set(&keys(1..2), begin);
        let Next::Announce(key) = schedule.take(begin) else { panic!("it is due") };
        assert_eq!(schedule.take(begin), Next::Nothing, "it is being announced");
        schedule.done(key, false, begin);
        let again = begin + limits::Dht::DEFAULT.announce_retry;
        assert_eq!(schedule.take(begin), Next::At(again));
        assert_eq!(schedule.take(again), Next::Announce(key));
    }
}
