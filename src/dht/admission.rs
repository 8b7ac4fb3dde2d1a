//! Which announcements of others a node stores.
//!
//! A key has room for a number of announcements, and the oldest one gives way. Without a limit, a node that
//! announces itself again and again would displace all others. So announcements are counted for each address:
//! all of them, and those of one key.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mainline::{RequestFilter, RequestSpecific};

use crate::limits;

/// Admits announcements. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Admission(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<Counts>,
    requests: AtomicU64,
    refused: AtomicU64,
}

#[derive(Debug)]
struct Counts {
    since: Instant,
    /// The seed of the hashes of keys: nobody can choose keys with the same hash.
    hasher: RandomState,
    of_addresses: HashMap<Ipv4Addr, u32>,
    of_keys: HashMap<(Ipv4Addr, u64), u32>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            hasher: RandomState::new(),
            of_addresses: HashMap::new(),
            of_keys: HashMap::new(),
        }
    }
}

impl Counts {
    /// Counts an announcement of a key, and says whether it is stored.
    fn admits(&mut self, key: &str, from: Ipv4Addr, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= limits::DHT_COUNTING {
            *self = Self { since: now, ..Self::default() };
        }
        let key = (from, self.hasher.hash_one(key));
        if self.of_keys.len() >= limits::DHT_COUNTED && !self.of_keys.contains_key(&key) {
            return false;
        }
        // Each address has at least one key, so there are not more addresses than keys.
        let of_address = self.of_addresses.entry(from).or_default();
        let of_key = self.of_keys.entry(key).or_default();
        if *of_address >= limits::DHT_ANNOUNCED_PER_ADDRESS
            || *of_key >= limits::DHT_ANNOUNCED_PER_KEY
        {
            return false;
        }
        *of_address = of_address.saturating_add(1);
        *of_key = of_key.saturating_add(1);
        true
    }
}

impl Admission {
    /// All requests.
    pub(super) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// The announcements that were refused.
    pub(super) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    fn admits(&self, request: &Kind, from: SocketAddrV4) -> bool {
        let key = match request {
            Kind::Question => return true,
            Kind::Announcement(key) => key,
            Kind::Value => return false,
        };
        // A panic between the changes of two counts has no consequence.
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.admits(key, *from.ip(), Instant::now())
    }
}

impl RequestFilter for Admission {
    fn allow_request(&self, request: &RequestSpecific, from: SocketAddrV4) -> bool {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        let is_admitted = self.admits(&Kind::of(request), from);
        if !is_admitted {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_admitted
    }
}

/// What a request asks for.
#[derive(Debug, Eq, PartialEq)]
enum Kind {
    /// It changes nothing.
    Question,
    /// It announces a holder of this key.
    Announcement(String),
    /// It stores a value, which this node does not do.
    Value,
}

impl Kind {
    /// The kind of a request. The type of this field is not public, but its debug form has all that is
    /// needed; a test with a real node notices if it changes.
    fn of(request: &RequestSpecific) -> Self {
        let mut beginning = Beginning(String::new());
        // It fails when the beginning is long enough.
        let _ = write!(beginning, "{:?}", request.request_type);
        let Beginning(text) = beginning;
        if !text.starts_with("Put") {
            return Self::Question;
        }
        let key = text.split_once("info_hash: Id(").and_then(|(_, rest)| rest.split_once(')'));
        key.map_or(Self::Value, |(key, _)| Self::Announcement(key.into()))
    }
}

/// The beginning of a text: of a question only as much as shows that it is one.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        let is_enough = self.0.len() >= 3 && !self.0.starts_with("Put") || self.0.len() > 1024;
        if is_enough { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ONE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

    #[test]
    fn an_address_takes_few_places_of_a_key() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        let of_one = |counts: &mut Counts, key, from, at| {
            (0..100).filter(|_| counts.admits(key, from, at)).count()
        };
        assert_eq!(of_one(&mut counts, "a", ONE, now), 8);
        assert_eq!(of_one(&mut counts, "b", ONE, now), 8, "of another key");
        assert_eq!(of_one(&mut counts, "a", OTHER, now), 8, "of another address");
        let later = now + limits::DHT_COUNTING + Duration::from_secs(1);
        assert_eq!(of_one(&mut counts, "a", ONE, later), 8, "later");
    }

    #[test]
    fn an_address_announces_a_bounded_number_of_keys() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        let admitted = (0..10_000).filter(|n| counts.admits(&n.to_string(), ONE, now)).count();
        assert_eq!(admitted, 4000);
        assert!(counts.admits("1", OTHER, now), "another address is not concerned");
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        let announce = |n: u32| counts.admits("a", Ipv4Addr::from_bits(n), now);
        assert_eq!((0..100_000).map(announce).filter(|is| *is).count(), limits::DHT_COUNTED);
        assert!(counts.of_addresses.len() <= limits::DHT_COUNTED);
    }
}
