//! Which connections get a permit, and which connections are closed for them (protocol.md section 7).

use super::*;
use crate::net::pipe;

const ADMISSION: Admission = Admission::of_network(2);

fn permits(most: usize, per_network: usize) -> Permits {
    Permits::new(most, Admission::of_network(per_network))
}

/// Takes permits for connections that are numbered as they come.
struct Taker {
    permits: Permits,
    stream: Arc<Connection>,
    next: u64,
    now: Instant,
}

impl Taker {
    fn new(permits: Permits) -> Self {
        Self { permits, stream: Arc::new(pipe().0), next: 0, now: Instant::now() }
    }

    fn take(&mut self, address: &str) -> Result<Taken, NoPermit> {
        let (number, address) = (self.next, address.parse().unwrap());
        self.next += 1;
        self.permits.take_at(Newcomer { number, address, stream: &self.stream }, self.now)
    }
}

#[test]
fn permits_are_counted_in_all_and_per_address() {
    let mut taker = Taker::new(permits(3, 2));
    let first = taker.take("192.0.2.1");
    let second = taker.take("::ffff:192.0.2.1");
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(taker.take("192.0.2.1").err(), Some(NoPermit::OfNetwork(2)));
    let third = taker.take("192.0.2.2");
    assert!(third.is_ok());
    assert_eq!(taker.take("192.0.2.3").err(), Some(NoPermit::InAll(3)));
    drop(first);
    assert!(taker.take("192.0.2.1").is_ok());
    drop((second, third));
    assert_eq!(taker.permits.taken(), 0);
    let counts = taker.permits.lock();
    assert!(counts.per_scope.is_empty() && counts.silent.is_empty() && counts.ending == 0);
}

#[test]
fn limits_may_change() {
    let mut taker = Taker::new(permits(1, 1));
    let first = taker.take("192.0.2.1");
    assert!(first.is_ok());
    assert_eq!(taker.take("192.0.2.2").err(), Some(NoPermit::InAll(1)));
    taker.permits.set_limits(3, 2);
    let more = [taker.take("192.0.2.1"), taker.take("192.0.2.2")];
    assert!(more.iter().all(Result::is_ok));
    taker.permits.set_limits(1, 1);
    assert_eq!(taker.permits.taken(), 3);
    drop(more);
    assert_eq!(taker.take("192.0.2.1").err(), Some(NoPermit::OfNetwork(1)));
}

#[test]
fn an_ipv6_network_counts_as_one_and_a_site_has_a_wider_limit() {
    let mut taker = Taker::new(permits(1000, 2));
    let mut taken = Vec::new();
    for interface in 0..2 {
        taken.push(taker.take(&format!("2001:db8:1:2::{interface}")).unwrap());
    }
    assert_eq!(taker.take("2001:db8:1:2:ffff::1").err(), Some(NoPermit::OfNetwork(2)));
    for network in 3..9 {
        taken.push(taker.take(&format!("2001:db8:1:{network}::1")).unwrap());
    }
    assert_eq!(taker.take("2001:db8:1:77::1").err(), Some(NoPermit::OfSite(8)));
    assert!(taker.take("2001:db8:2:77::1").is_ok());
    drop(taken);
    assert!(taker.permits.lock().per_scope.is_empty());
}

#[test]
fn loopback_has_no_limit_per_address() {
    let mut taker = Taker::new(permits(3, 1));
    let taken: Vec<_> = (0..3).map(|_| taker.take("127.0.0.1")).collect();
    assert!(taken.iter().all(Result::is_ok));
    assert_eq!(taker.take("::1").err(), Some(NoPermit::InAll(3)));
}

#[test]
fn the_oldest_silent_connection_gives_way_when_all_permits_are_taken() {
    let mut taker = Taker::new(permits(2, 2));
    let asking = taker.take("192.0.2.1").unwrap();
    taker.permits.request_received(0);
    let silent = taker.take("192.0.2.2").unwrap();
    assert!(taker.take("192.0.2.3").is_err(), "it has not had the time for a request");
    taker.now += ADMISSION.silent_time;
    let third = taker.take("192.0.2.3").unwrap();
    assert!(third.evicted.is_some());
    assert_eq!(taker.permits.taken(), 2);
    assert!(taker.take("192.0.2.4").is_err(), "the next one is new");
    drop(silent);
    assert_eq!((taker.permits.taken(), taker.permits.lock().ending), (2, 0));
    drop((asking, third));
    assert_eq!(taker.permits.taken(), 0);
    assert!(taker.permits.lock().per_scope.is_empty());
}

/// Silent connections of one machine kept out the other machines that share its address.
#[test]
fn silent_connections_of_a_network_give_way_to_others_of_it() {
    for others in [["192.0.2.1"; 3], ["2001:db8::1", "2001:db8::2", "2001:db8::3"]] {
        let mut taker = Taker::new(permits(1000, 2));
        let elsewhere = taker.take("192.0.2.99").unwrap();
        let asking = taker.take(others[0]).unwrap();
        taker.permits.request_received(1);
        let silent = taker.take(others[1]).unwrap();
        assert!(taker.take(others[2]).is_err(), "it has not had the time for a request");
        taker.now += ADMISSION.silent_time;
        let third = taker.take(others[2]).unwrap();
        assert!(third.evicted.is_some());
        taker.permits.request_received(4);
        taker.now += ADMISSION.silent_time;
        assert!(taker.take(others[0]).is_err(), "none of the network is silent");
        drop((elsewhere, asking, silent, third));
        let counts = taker.permits.lock();
        assert!(counts.per_scope.is_empty() && counts.silent.is_empty() && counts.ending == 0);
    }
}

/// Slow readers of some networks kept all others out.
#[test]
fn a_waiting_connection_of_a_large_network_gives_way_to_one_of_a_small_network() {
    let mut taker = Taker::new(permits(4, 4));
    let mut taken: Vec<_> = ["127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.2"]
        .map(|address| taker.take(address).unwrap())
        .into();
    let (permits, stream) = (taker.permits.clone(), Arc::clone(&taker.stream));
    (0..4).for_each(|number| permits.request_received(number));
    assert_eq!(taker.take("127.0.0.3").err(), Some(NoPermit::InAll(4)), "all are answered");
    let waiting = [(0, false), (1, true), (2, false)]
        .map(|(number, is_idle)| permits.offer_eviction(number, &stream, is_idle));
    let newcomer = taker.take("127.0.0.3").unwrap();
    assert!(newcomer.evicted.as_ref().is_some_and(|evicted| evicted.is_idle));
    assert_eq!(waiting.each_ref().map(Evictable::is_evicted), [false, true, false]);
    // The largest has two now: that is not two more than one, but two more than none.
    permits.request_received(5);
    assert!(taker.take("127.0.0.3").is_err());
    taken.push(taker.take("2001:db8::1").unwrap());
    assert_eq!(waiting.each_ref().map(Evictable::is_evicted), [false, true, true]);
    drop((waiting, taken, newcomer));
    let counts = permits.lock();
    assert!(counts.held.is_empty() && counts.yielding.is_empty() && counts.ending == 0);
}

#[test]
fn few_evicted_connections_are_ending_at_the_same_time() {
    let mut taker = Taker::new(permits(1000, 1));
    let silent: Vec<_> = (0..1000).map(|_| taker.take("127.0.0.1").unwrap()).collect();
    taker.now += ADMISSION.silent_time;
    let mut taken = Vec::new();
    while let Ok(next) = taker.take("127.0.0.1") {
        taken.push(next);
    }
    assert_eq!(taken.len(), ADMISSION.evicted);
    drop(silent);
    assert!(taker.take("127.0.0.1").is_ok());
}
