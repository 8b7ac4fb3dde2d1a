//! Nodes that leave at the same time. `cargo bench --bench system -- dht` measures it with many more nodes.

use std::time::{Duration, Instant};

use p2p_ci::dht::{Announcer, Finding, keys};
use p2p_ci::limits;

use crate::common::is_inside;
use crate::dht::network::{Network, rfc, until};

const LIMITS: limits::Dht = limits::Dht::DEFAULT;
const NODES: u16 = 40;
const HOLDERS: u16 = 20;
const DOCUMENTS_EACH: u16 = 5;

#[test]
fn documents_are_found_after_30_percent_of_the_nodes_have_left() {
    if !is_inside("dht::churn::documents_are_found_after_30_percent_of_the_nodes_have_left") {
        return;
    }
    let mut network = Network::start(NODES.into());
    let announcers: Vec<Announcer> = (0..HOLDERS)
        .map(|number| {
            let holder = network.nodes[usize::from(NODES - 1 - number)].clone();
            let announcer = Announcer::start(holder, 5000 + number, LIMITS).unwrap();
            let first = number * DOCUMENTS_EACH;
            let documents: Vec<_> =
                (1..=DOCUMENTS_EACH).map(|n| rfc(u32::from(first + n))).collect();
            announcer.set(&keys(documents.iter()));
            announcer
        })
        .collect();
    for announcer in &announcers {
        let announced = announcer.wait_for(DOCUMENTS_EACH.into(), until());
        assert_eq!(announced.stored, usize::from(DOCUMENTS_EACH), "{announced:?}");
    }
    // The bootstrap node leaves, too.
    drop(network.nodes.drain(..usize::from(NODES) * 3 / 10));
    let documents = u32::from(HOLDERS * DOCUMENTS_EACH);
    let is_found = |number: &u32| {
        let node = &network.nodes[usize::try_from(*number).unwrap() % network.nodes.len()];
        let mut finding = Finding::start(node, &rfc(*number), LIMITS).unwrap();
        finding.next_before(Instant::now() + Duration::from_secs(20)).is_some()
    };
    let found = (1..=documents).filter(is_found).count();
    assert!(found * 100 >= usize::try_from(documents).unwrap() * 99, "{found} of {documents}");
}
