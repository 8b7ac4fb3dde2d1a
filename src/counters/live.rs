//! Requests as they are answered, for operators who watch.
//!
//! Nobody watches most of the time. Then a request costs the load of one number, which is seldom written. While
//! somebody watches, few requests of an interval are kept, and the others only counted.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use crate::limits;

/// A request that was answered.
#[derive(Clone, Debug)]
pub struct LiveRequest {
    /// When it was answered.
    pub time: SystemTime,
    /// The program that has sent it.
    pub client: SocketAddr,
    /// The method as it is counted.
    pub method: &'static str,
    /// What it names: a document, or the words of a search.
    pub subject: String,
    /// The code of the reply.
    pub status: u16,
    /// The number of records in the reply, if it may have some.
    pub records: Option<usize>,
}

/// The last requests, while somebody watches. Aligned, so that requests that only look whether somebody watches
/// do not share a cache line with counters.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct LiveRequests {
    watchers: AtomicUsize,
    // These are written only while somebody watches.
    room: AtomicUsize,
    skipped: AtomicU64,
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    requests: VecDeque<LiveRequest>,
    /// The number of requests that were kept so far.
    count: u64,
    /// When the interval has begun.
    begun: Option<Instant>,
}

impl LiveRequests {
    /// Whether somebody watches.
    pub fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// Adds a request, if somebody watches and few were added in this interval.
    pub fn add(&self, request: impl FnOnce() -> LiveRequest) {
        if !self.is_watched() {
            return;
        }
        let one_less = |room: usize| room.checked_sub(1);
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err() {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let request = request();
        let mut recent = self.lock();
        recent.count += 1;
        if recent.requests.len() == limits::LIVE_REQUESTS {
            recent.requests.pop_front();
        }
        recent.requests.push_back(request);
    }

    /// Begins to watch. The result has the requests from now on.
    pub fn watch(&self) -> LiveWatch<'_> {
        self.watchers.fetch_add(1, Ordering::Relaxed);
        let mut recent = self.lock();
        self.begin_interval(&mut recent, Instant::now());
        LiveWatch { live: self, seen: recent.count, skipped: self.skipped.load(Ordering::Relaxed) }
    }

    fn begin_interval(&self, recent: &mut Recent, now: Instant) {
        let is_over = |begun| now.saturating_duration_since(begun) >= limits::LIVE_INTERVAL;
        if recent.begun.is_none_or(is_over) {
            recent.begun = Some(now);
            self.room.store(limits::LIVE_REQUESTS_OF_INTERVAL, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        // After a panic a request may be missing in the list, which is harmless.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operator who watches, until this is dropped.
#[derive(Debug)]
pub struct LiveWatch<'a> {
    live: &'a LiveRequests,
    seen: u64,
    skipped: u64,
}

impl LiveWatch<'_> {
    /// The requests since the last call, and how many others there were.
    pub fn take(&mut self) -> (Vec<LiveRequest>, u64) {
        self.take_at(Instant::now())
    }

    fn take_at(&mut self, now: Instant) -> (Vec<LiveRequest>, u64) {
        let mut recent = self.live.lock();
        self.live.begin_interval(&mut recent, now);
        let new = recent.count.saturating_sub(self.seen);
        let kept = usize::try_from(new).unwrap_or(usize::MAX).min(recent.requests.len());
        let first = recent.requests.len() - kept;
        let requests: Vec<LiveRequest> = recent.requests.range(first..).cloned().collect();
        self.seen = recent.count;
        drop(recent);
        let skipped = self.live.skipped.load(Ordering::Relaxed);
        let others = skipped.wrapping_sub(self.skipped) + (new - kept as u64);
        self.skipped = skipped;
        (requests, others)
    }
}

impl Drop for LiveWatch<'_> {
    fn drop(&mut self) {
        self.live.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: usize) -> LiveRequest {
        LiveRequest {
            time: SystemTime::now(),
            client: ([192, 0, 2, 1], 1).into(),
            method: "LOOKUP",
            subject: format!("RFC {number}"),
            status: 200,
            records: Some(1),
        }
    }

    #[test]
    fn without_a_watcher_nothing_is_made() {
        let live = LiveRequests::default();
        live.add(|| panic!("nobody watches"));
        let mut watch = live.watch();
        assert!(live.is_watched());
        live.add(|| request(1));
        let (requests, others) = watch.take();
        assert_eq!((requests.len(), &*requests[0].subject, others), (1, "RFC 1", 0));
        assert_eq!(watch.take().0.len(), 0);
        drop(watch);
        live.add(|| panic!("nobody watches any more"));
    }

    #[test]
    fn most_requests_of_an_interval_are_only_counted() {
        let live = LiveRequests::default();
        let (mut watch, mut late) = (live.watch(), live.watch());
        let (most, of_interval) = (limits::LIVE_REQUESTS, limits::LIVE_REQUESTS_OF_INTERVAL);
        let mut now = Instant::now();
        let mut found = 0;
        while found <= most {
            for number in 0..1000 {
                live.add(|| request(number));
            }
            now += limits::LIVE_INTERVAL;
            let (requests, others) = watch.take_at(now);
            assert_eq!((requests.len(), others), (of_interval, 1000 - of_interval as u64));
            found += requests.len();
        }
        // A late watcher gets the last requests, and the number of the others.
        let (requests, others) = late.take_at(now);
        let added = found / of_interval * 1000;
        assert_eq!((requests.len(), others), (most, (added - most) as u64));
    }
}
