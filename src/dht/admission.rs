//! Which announcements of others a node stores.
//!
//! A key has room for a number of announcements, and the oldest one is removed for a new one. Without a limit, a node that
//! announces itself again and again would displace all others. So announcements are counted for each sender:
//! all of them, and those of one key.
//!
//! The address of a datagram can be forged. The crate examines the token, which only the owner of the address can
//! know, after the announcement was admitted. So a sender is an address with its token: forged announcements
//! have other tokens, and do not count for the owner of the address. Nor do they use up the room for counts.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::{BuildHasher, Hash, RandomState};
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
    /// The seed of the hashes of keys and tokens: nobody can choose some with the same hash.
    hasher: RandomState,
    of_senders: HashMap<Sender, u32>,
    of_keys: HashMap<(Sender, u64), u32>,
}

/// An address, and the hash of a token.
type Sender = (Ipv4Addr, u64);

impl Default for Counts {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            hasher: RandomState::new(),
            of_senders: HashMap::new(),
            of_keys: HashMap::new(),
        }
    }
}

impl Counts {
    /// Counts an announcement, and says whether it is stored.
    fn admits(&mut self, announcement: &Announcement, from: Ipv4Addr, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= limits::DHT_COUNTING {
            *self = Self { since: now, ..Self::default() };
        }
        let sender = (from, self.hasher.hash_one(&announcement.token));
        let key = (sender, self.hasher.hash_one(&announcement.key));
        let of_sender = count_of(&mut self.of_senders, sender);
        let of_key = count_of(&mut self.of_keys, key);
        if *of_sender >= limits::DHT_ANNOUNCED_PER_SENDER
            || *of_key >= limits::DHT_ANNOUNCED_PER_KEY
        {
            return false;
        }
        *of_sender = of_sender.saturating_add(1);
        *of_key = of_key.saturating_add(1);
        true
    }
}

/// The count of something. If there is no room for another count, any other one is forgotten. If new senders were
/// refused instead, an attacker who fills the room could exclude them.
fn count_of<K: Copy + Eq + Hash>(counts: &mut HashMap<K, u32>, of: K) -> &mut u32 {
    if counts.len() >= limits::DHT_COUNTED && !counts.contains_key(&of) {
        let any = counts.keys().next().copied();
        any.and_then(|any| counts.remove(&any));
    }
    counts.entry(of).or_default()
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
        let announcement = match request {
            Kind::Question => return true,
            Kind::Announcement(announcement) => announcement,
            Kind::Value => return false,
        };
        // A panic between the changes of two counts has no consequence.
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.admits(announcement, *from.ip(), Instant::now())
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
    /// It announces a holder.
    Announcement(Announcement),
    /// It stores a value, which this node does not do.
    Value,
}

/// The announcement of a holder of a key.
#[derive(Debug, Eq, PartialEq)]
struct Announcement {
    key: String,
    token: String,
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
        let between = |begin, end| Some(text.split_once(begin)?.1.split_once(end)?.0.to_string());
        let announcement = between("info_hash: Id(", ")").zip(between("token: [", "]"));
        let announcement = announcement.map(|(key, token)| Announcement { key, token });
        announcement.map_or(Self::Value, Self::Announcement)
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

    fn announcement(key: &str, token: u32) -> Announcement {
        Announcement { key: key.into(), token: token.to_string() }
    }

    #[test]
    fn a_sender_takes_few_places_of_a_key() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        let of_one = |counts: &mut Counts, key, from, at| {
            (0..100).filter(|_| counts.admits(&announcement(key, 1), from, at)).count()
        };
        assert_eq!(of_one(&mut counts, "a", ONE, now), 4);
        assert_eq!(of_one(&mut counts, "b", ONE, now), 4, "of another key");
        assert_eq!(of_one(&mut counts, "a", OTHER, now), 4, "of another address");
        let later = now + limits::DHT_COUNTING + Duration::from_secs(1);
        assert_eq!(of_one(&mut counts, "a", ONE, later), 4, "later");
    }

    #[test]
    fn a_sender_announces_a_bounded_number_of_keys() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        let mut admits = |n: u32, from| counts.admits(&announcement(&n.to_string(), 1), from, now);
        assert_eq!((0..10_000).filter(|n| admits(*n, ONE)).count(), 4000);
        assert!(admits(1, OTHER), "another address is not concerned");
    }

    #[test]
    fn forged_announcements_do_not_count_for_the_owner_of_an_address() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        // The attacker does not know the token of the owner.
        for token in 2..100_000 {
            counts.admits(&announcement("a", token), ONE, now);
        }
        assert!(counts.admits(&announcement("a", 1), ONE, now));
        assert!(counts.admits(&announcement("a", 1), OTHER, now));
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        for n in 0..100_000 {
            counts.admits(&announcement("a", 1), Ipv4Addr::from_bits(n), now);
        }
        assert_eq!(counts.of_keys.len(), limits::DHT_COUNTED);
        assert_eq!(counts.of_senders.len(), limits::DHT_COUNTED);
    }
}
