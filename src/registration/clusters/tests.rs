//! The order of attempts at the servers of a cluster.

use std::collections::BTreeSet;

use super::*;
use crate::discovery::IndexDialect;
use crate::net::Provenance;

fn cluster(count: usize) -> Vec<KnownServer> {
    let server = |number| KnownServer {
        endpoint: format!("h:{number}").parse().unwrap(),
        provenance: Provenance::User,
        dialect: Arc::new(IndexDialect::default()),
    };
    (1..=count).map(server).collect()
}

#[test]
fn each_other_server_is_tried_once_before_the_pause_grows() {
    let limits = limits::Registration::DEFAULT;
    let mut attempts = Attempts::new(limits);
    let servers = cluster(4);
    let mut failed = servers[0].endpoint.clone();
    let mut tried = BTreeSet::new();
    for _ in 0..3 {
        let next = attempts.next(&failed, Some(servers.clone()), false);
        assert!(next.pause <= limits.fail_over, "{:?}", next.pause);
        failed = next.server.expect("another server").endpoint;
        assert!(tried.insert(failed.to_string()) && failed != servers[0].endpoint);
    }
    // Then all of them again, with pauses between the rounds that double.
    for round in 0..8 {
        let usual = (limits.reconnect * 2_u32.pow(round)).min(limits.reconnect_max);
        let next = attempts.next(&failed, Some(servers.clone()), false);
        assert!((usual * 3 / 4..=usual * 5 / 4).contains(&next.pause), "{round} {:?}", next.pause);
        for _ in 0..3 {
            let next = attempts.next(&failed, Some(servers.clone()), false);
            assert!(next.pause <= limits.fail_over, "{:?}", next.pause);
        }
    }
    attempts.reset();
    assert!(attempts.next(&failed, Some(servers), false).pause <= limits.fail_over);
}

#[test]
fn a_server_without_a_cluster_is_tried_again_with_pauses_that_double() {
    let limits = limits::Registration::DEFAULT;
    let mut attempts = Attempts::new(limits);
    let failed = "h:1".parse().unwrap();
    for round in 0..10 {
        let usual = (limits.reconnect * 2_u32.pow(round)).min(limits.reconnect_max);
        let Next { pause, server } = attempts.next(&failed, None, false);
        assert!(server.is_none());
        assert!((usual * 3 / 4..=usual * 5 / 4).contains(&pause), "{round} {pause:?}");
    }
}

#[test]
fn the_peers_of_a_server_go_to_all_others_and_not_at_once() {
    let limits = limits::Registration::DEFAULT;
    let servers = cluster(3);
    let (mut counts, mut pauses) = ([0; 3], Vec::new());
    for _ in 0..1000 {
        let mut attempts = Attempts::new(limits);
        let Next { pause, server } =
            attempts.next(&servers[0].endpoint, Some(servers.clone()), false);
        let server = server.unwrap().endpoint;
        counts[servers.iter().position(|known| known.endpoint == server).unwrap()] += 1;
        pauses.push(pause);
    }
    assert_eq!(counts[0], 0);
    assert!(counts[1] > 350 && counts[2] > 350, "{counts:?}");
    // In each tenth of the time some arrive, and nowhere a fifth of them.
    for tenth in 0..10 {
        let (begin, end) = (limits.fail_over * tenth / 10, limits.fail_over * (tenth + 1) / 10);
        let arrived = pauses.iter().filter(|pause| (begin..end).contains(*pause)).count();
        assert!((20..200).contains(&arrived), "{tenth}: {arrived}");
    }
}

#[test]
fn a_time_may_be_of_any_length() {
    assert!(part_of(Duration::MAX, 768, 512) > Duration::MAX / 2);
    for _ in 0..100 {
        let pause = part_of(Duration::from_millis(100), 768, 512);
        assert!(pause >= Duration::from_millis(74) && pause <= Duration::from_millis(125));
    }
}
