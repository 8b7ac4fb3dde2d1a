//! Announcing and finding.

use std::time::Instant;

use p2p_ci::dht::{Announcer, Finding, FoundBy, Role, keys};
use p2p_ci::limits;

use crate::common::is_inside;
use crate::dht::network::{Network, address, node, rfc, until};

const LIMITS: limits::Dht = limits::Dht::DEFAULT;

#[test]
fn a_document_that_is_announced_is_found_and_another_one_is_not() {
    if !is_inside("dht::nodes::a_document_that_is_announced_is_found_and_another_one_is_not") {
        return;
    }
    let network = Network::start(8);
    let announcer = Announcer::start(network.nodes[3].clone(), 5678, LIMITS).unwrap();
    announcer.set(&keys([rfc(793)].iter()));
    assert_eq!(announcer.wait_for(1, until()).stored, 1, "{announcer:?}");
    let reader = network.reader();
    let mut finding = Finding::start(&reader, &rfc(793), LIMITS).unwrap();
    let holder = finding.next_before(until()).unwrap();
    let mut expected = address(3);
    expected.set_port(5678);
    assert_eq!((holder.address, holder.by), (expected, FoundBy::Document));
    assert_eq!(finding.next_before(until()), None, "it is returned once");
    let other = Finding::start(&reader, &rfc(794), LIMITS).unwrap().all(LIMITS).unwrap();
    assert!(other.is_empty(), "{other:?}");
}

/// It knows no node then, and newcomers know only it.
#[test]
fn documents_are_found_after_the_bootstrap_node_was_started_again() {
    if !is_inside("dht::nodes::documents_are_found_after_the_bootstrap_node_was_started_again") {
        return;
    }
    let mut network = Network::start(4);
    let announcer = Announcer::start(network.nodes[3].clone(), 5678, LIMITS).unwrap();
    announcer.set(&keys([rfc(793)].iter()));
    assert_eq!(announcer.wait_for(1, until()).stored, 1, "{announcer:?}");
    let port_is_taken = || std::net::UdpSocket::bind(address(0)).is_err();
    drop(network.nodes.remove(0));
    let until = until();
    while port_is_taken() {
        assert!(Instant::now() < until, "the bootstrap node does not end");
    }
    network.nodes.insert(0, node(address(0), &[], Role::Member));
    let is_found = || {
        let finding = Finding::start(&network.reader(), &rfc(793), LIMITS);
        finding.and_then(|finding| finding.all(LIMITS)).is_ok_and(|found| !found.is_empty())
    };
    while !is_found() {
        assert!(Instant::now() < until, "the document is not found");
    }
}
