//! The statistics of other peers, and how long they are remembered (protocol.md section 7).

use std::fs;

use super::*;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

#[test]
fn statistics_are_stored() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("a/holders");
    let (near, far) = (endpoint("near:1"), endpoint("[::1]:2"));
    let stats = PeerStats::load(&store);
    stats.connected(&near, Duration::from_micros(100));
    stats.connected(&far, Duration::from_millis(200));
    stats.transferred(&near, 1_000_000, Duration::from_secs(1));
    stats.save().unwrap();
    let again = PeerStats::load(&store);
    assert_eq!(again.speed(&near), stats.speed(&near));
    assert_eq!(again.speed(&far), stats.speed(&far));
    assert_eq!(again.speed(&near).bytes_per_second, Some(1_000_000));
    assert!(again.standing(&near, 1000).expected_time < again.standing(&far, 1000).expected_time);
    fs::write(&store, "something else").unwrap();
    assert_eq!(PeerStats::load(&store).speed(&near), PeerSpeed::default());
}

#[test]
fn a_failed_holder_is_backed_off_and_finally_given_up() {
    let stats = PeerStats::default();
    let peer = endpoint("a:1");
    assert_eq!(stats.readiness(&peer), Readiness::Ready);
    stats.answered(&peer);
    stats.failed(&peer);
    assert!(matches!(stats.readiness(&peer), Readiness::BackedOff(_)));
    stats.failed(&peer);
    stats.failed(&peer);
    assert_eq!(stats.readiness(&peer), Readiness::GivenUp);
    stats.transferred(&peer, 1, Duration::from_secs(1));
    assert_eq!(stats.readiness(&peer), Readiness::Ready);
}

#[test]
fn no_more_are_known_than_there_is_room_for() {
    let stats = PeerStats::default();
    let (used, useful) = (endpoint("used:1"), endpoint("useful:1"));
    stats.transferred(&useful, 1_000_000, Duration::from_secs(1));
    let busy = stats.busy(&used);
    for number in 0..3 * limits::PEERS_KNOWN {
        stats.connected(&endpoint(&format!("h{number}:1")), Duration::from_millis(1));
    }
    assert!(stats.lock().len() <= limits::PEERS_KNOWN);
    assert_eq!(stats.of(&used).busy, 1);
    assert!(stats.speed(&useful).bytes_per_second.is_some());
    drop(busy);
    assert_eq!(stats.of(&used).busy, 0);
}

#[test]
fn a_holder_is_proven_by_a_document_until_it_fails_again_and_again() {
    let stats = PeerStats::default();
    let peer = endpoint("a:1");
    assert!(!stats.is_proven(&peer));
    stats.answered(&peer);
    assert!(!stats.is_proven(&peer), "a reply is no document");
    stats.delivered(&peer);
    stats.failed(&peer);
    assert!(stats.is_proven(&peer), "it may have been busy");
    stats.failed(&peer);
    stats.failed(&peer);
    assert!(!stats.is_proven(&peer));
    stats.delivered(&peer);
    stats.distrust(&peer);
    assert!(!stats.is_proven(&peer));
}

#[test]
fn a_proven_holder_is_known_to_the_next_program() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("holders");
    let (small, dishonest, earlier) =
        (endpoint("small:1"), endpoint("dishonest:1"), endpoint("earlier:1"));
    fs::write(&store, format!("p2p-ci holders 1\n{earlier} 100 1000\n")).unwrap();
    let stats = PeerStats::load(&store);
    for peer in [&small, &dishonest] {
        stats.connected(peer, Duration::from_millis(1));
    }
    // Its document was too small to tell a rate.
    stats.delivered(&small);
    // Its bytes had another digest than it had announced.
    stats.transferred(&dishonest, 1_000_000, Duration::from_secs(1));
    stats.distrust(&dishonest);
    stats.save().unwrap();
    let again = PeerStats::load(&store);
    assert!(again.is_proven(&small));
    assert!(!again.is_proven(&dishonest));
    assert!(again.is_proven(&earlier), "a line of an earlier version");
}

#[test]
fn a_holder_that_has_never_answered_is_asked_once_a_minute() {
    let stats = PeerStats::default();
    let victim = endpoint("victim:22");
    stats.failed(&victim);
    assert_eq!(stats.readiness(&victim), Readiness::GivenUp);
    let backed_off_until = stats.of(&victim).backed_off_until.unwrap();
    assert!(backed_off_until > Instant::now() + Duration::from_secs(59));
}

#[test]
fn pauses_grow_to_a_minute() {
    for (failures, seconds) in [(0, 3), (1, 6), (2, 12), (10, 60), (u32::MAX, 60)] {
        let pause = backoff_delay(&limits::Downloads::DEFAULT, failures).as_secs_f64();
        assert!((f64::from(seconds)..f64::from(seconds) * 1.26).contains(&pause), "{pause}");
    }
}

#[test]
fn a_busy_holder_is_expected_to_take_longer() {
    let stats = PeerStats::default();
    let (one, other) = (endpoint("a:1"), endpoint("b:1"));
    let busy = stats.busy(&one);
    assert!(stats.standing(&one, 10).expected_time > stats.standing(&other, 10).expected_time);
    drop(busy);
    assert_eq!(stats.standing(&one, 10).expected_time, stats.standing(&other, 10).expected_time);
}

#[test]
fn a_holder_that_stopped_is_proven_again_after_several_documents() {
    let stats = PeerStats::default();
    let peer = endpoint("a:1");
    stats.stopped(&peer, Instant::now());
    for _ in 0..stats.limits.proven_again {
        assert!(!stats.is_proven(&peer));
        stats.delivered(&peer);
    }
    assert!(stats.is_proven(&peer) && !stats.has_stopped(&peer));
}

/// Once, a connection that was lost for any reason cost a proven holder eight documents.
#[test]
fn a_proven_holder_may_stop_once_in_several_documents() {
    let stats = PeerStats::default();
    let peer = endpoint("a:1");
    stats.delivered(&peer);
    let begun = Instant::now();
    for _ in 0..3 {
        stats.stopped(&peer, begun);
        assert!(!stats.is_proven(&peer) && !stats.has_stopped(&peer));
    }
    stats.delivered(&peer);
    assert!(stats.is_proven(&peer), "it restarted during three transfers");

    let again = Instant::now();
    stats.stopped(&peer, again);
    assert!(stats.has_stopped(&peer), "it was remembered");
    for _ in 0..stats.limits.proven_again {
        assert!(!stats.is_proven(&peer));
        stats.delivered(&peer);
    }
    stats.stopped(&peer, Instant::now());
    stats.delivered(&peer);
    assert!(stats.is_proven(&peer), "it was forgotten");
}
