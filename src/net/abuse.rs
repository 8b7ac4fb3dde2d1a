//! Networks whose connections are closed for abuse again and again (protocol.md sections 7 and 9).
//!
//! While the bucket of a network is full, the acceptor refuses connections from it without starting
//! a thread. A bucket holds little more than what makes it full, so other clients behind the same
//! address are served a few seconds after a broken client stops. A person who types requests by hand
//! stays far below the limit.

use std::net::IpAddr;

use super::buckets::{BucketSize, Buckets};
use crate::limits::Admission;

/// Counts the connections of each network that were closed for abuse.
#[derive(Debug)]
pub(super) struct AbuseTracker(Buckets);

impl AbuseTracker {
    pub(super) fn new(admission: &Admission) -> Self {
        Self(Buckets::new(BucketSize {
            full: admission.offences,
            most: admission.offences_max,
            drain: admission.offences_forgotten,
        }))
    }

    /// Counts a connection from this address that was closed for abuse.
    pub(super) fn add(&self, address: IpAddr) {
        self.0.add(address);
    }

    /// Whether connections from this address are refused for now.
    pub(super) fn is_refused(&self, address: IpAddr) -> bool {
        self.0.is_full(address)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn address(number: u32) -> IpAddr {
        // From 128.0.0.0 on: not loopback.
        IpAddr::V4((number | 1 << 31).into())
    }

    fn v6(site: u16, network: u16, interface: u16) -> IpAddr {
        [0x2001, 0xdb8, site, network, 0, 0, 0, interface].into()
    }

    #[test]
    fn a_network_is_refused_until_its_bucket_has_drained() {
        let tracker = AbuseTracker::new(&Admission::of_network(64));
        let now = Instant::now();
        for count in 0..64 {
            assert!(!tracker.0.is_full_at(address(1), now), "{count}");
            tracker.0.add_at(address(1), now);
        }
        assert!(tracker.0.is_full_at(address(1), now));
        assert!(!tracker.0.is_full_at(address(2), now));
        assert!(!tracker.0.is_full_at(address(1), now + Duration::from_secs(1)));
    }

    #[test]
    fn others_behind_an_address_are_served_soon_after_a_broken_client_stops() {
        let tracker = AbuseTracker::new(&Admission::of_network(64));
        let now = Instant::now();
        // As many as a network with a large limit can have open when it becomes full.
        (0..10_000).for_each(|_| tracker.0.add_at(address(1), now));
        assert!(tracker.0.is_full_at(address(1), now + Duration::from_secs(2)));
        assert!(!tracker.0.is_full_at(address(1), now + Duration::from_secs(5)));
    }

    #[test]
    fn loopback_is_exempt() {
        let tracker = AbuseTracker::new(&Admission::of_network(64));
        for address in ["127.0.0.1", "::1", "127.9.9.9", "::ffff:127.0.0.1"] {
            let address = address.parse().unwrap();
            (0..1000).for_each(|_| tracker.add(address));
            assert!(!tracker.is_refused(address));
        }
        assert!(tracker.0.len() == 0);
    }

    #[test]
    fn an_ipv6_network_is_counted_as_one_and_so_is_a_site() {
        let tracker = AbuseTracker::new(&Admission::of_network(64));
        let now = Instant::now();
        (0..64).for_each(|interface| tracker.0.add_at(v6(1, 1, interface), now));
        assert!(tracker.0.is_full_at(v6(1, 1, 9999), now));
        assert!(!tracker.0.is_full_at(v6(1, 2, 1), now));
        (0..192).for_each(|network| tracker.0.add_at(v6(1, 100 + network, 1), now));
        assert!(tracker.0.is_full_at(v6(1, 2, 1), now));
        assert!(!tracker.0.is_full_at(v6(2, 2, 1), now));
        assert!(!tracker.0.is_full_at(v6(1, 2, 1), now + Duration::from_secs(5)));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_worst() {
        let tracker = AbuseTracker::new(&Admission::of_network(64));
        let now = Instant::now();
        for _ in 0..64 {
            tracker.0.add_at(address(0), now);
        }
        for number in 1..10_000 {
            tracker.0.add_at(address(number), now);
        }
        assert_eq!(tracker.0.len(), crate::limits::REMEMBERED_NETWORKS);
        assert!(tracker.0.is_full_at(address(0), now));
    }
}
