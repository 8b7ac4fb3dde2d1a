//! Nodes that do not keep to the rules.

use std::net::{SocketAddrV4, UdpSocket};
use std::thread;
use std::time::Duration;

use p2p_ci::dht::{Announcer, Finding, Key, Role, keys};
use p2p_ci::limits;

use crate::common::is_inside;
use crate::dht::network::{Network, address, node, rfc, until};

const LIMITS: limits::Dht = limits::Dht::DEFAULT;

fn announced(network: &Network, number: usize) -> (Announcer, SocketAddrV4) {
    let announcer = Announcer::start(network.nodes[number].clone(), 5678, LIMITS).unwrap();
    announcer.set(&keys([rfc(793)].iter()));
    assert_eq!(announcer.wait_for(1, until()).stored, 1);
    (announcer, SocketAddrV4::new(*address(number).ip(), 5678))
}

#[test]
fn a_node_that_announces_itself_again_and_again_does_not_displace_others() {
    let name =
        "dht::hostile::a_node_that_announces_itself_again_and_again_does_not_displace_others";
    if !is_inside(name) {
        return;
    }
    let network = Network::start(6);
    let (_announcer, holder) = announced(&network, 3);
    let attacker = node(address(100), &[address(0)], Role::Member);
    let places = u16::try_from(limits::DHT_STORED_HOLDERS).unwrap();
    // At most one announcement of a key runs at a time; those that are refused are not confirmed.
    let mut confirmed = 0;
    for port in 1000..1000 + places + 20 {
        match attacker.announce(Key::of(&rfc(793)), port) {
            Ok(()) => confirmed += 1,
            Err(_) if confirmed > 0 => break,
            Err(_) => {}
        }
    }
    assert!((1..=9).contains(&confirmed), "{confirmed} announcements were stored");
    assert!(network.nodes.iter().any(|node| node.refused() > 0), "none was refused");
    let found = Finding::start(&network.reader(), &rfc(793), LIMITS).unwrap().all(LIMITS).unwrap();
    assert!(found.iter().any(|found| found.address == holder), "{holder}: {found:?}");
    let of_attacker = found.iter().filter(|found| found.address.ip() == address(100).ip());
    assert!(of_attacker.count() <= 9, "{found:?}");
}

#[test]
fn garbage_ends_no_node() {
    if !is_inside("dht::hostile::garbage_ends_no_node") {
        return;
    }
    let network = Network::start(6);
    let nested = |byte: u8| [&b"d1:a"[..], &[byte; 2000]].concat();
    let mut datagrams: Vec<Vec<u8>> = vec![nested(b'l'), nested(b'd'), nested(b'i')];
    let valid = b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa9:info_hash20:bbbbbbbbbbbbbbbbbbbbe1:q9:get_peers1:t4:abcd1:y1:qe";
    datagrams.extend((0..valid.len()).map(|end| valid[..end].to_vec()));
    datagrams.extend((0..valid.len()).flat_map(|at| {
        let changed = |byte| {
            let mut bytes = valid.to_vec();
            bytes[at] = byte;
            bytes
        };
        [0, b'9', b'e', b'd', b'l', b'i', 0xff].map(changed)
    }));
    let socket = UdpSocket::bind("127.3.0.1:0").unwrap();
    for number in 0..network.nodes.len() {
        for datagram in &datagrams {
            socket.send_to(datagram, address(number)).unwrap();
        }
    }
    let (_announcer, holder) = announced(&network, 3);
    let found = Finding::start(&network.reader(), &rfc(793), LIMITS).unwrap().all(LIMITS).unwrap();
    assert_eq!(found.iter().map(|found| found.address).collect::<Vec<_>>(), [holder]);
}

/// Replies to every question with the same key: nodes with addresses of its choice, and holders without end.
fn lie(socket: &UdpSocket, number: u8) {
    let mut buffer = [0; 2048];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let Some(at) = buffer[..length].windows(5).position(|part| part == b"1:t4:") else {
            continue;
        };
        let values: Vec<u8> =
            (0..150u8).flat_map(|n| [b'6', b':', 10, number, 0, n, 9, 9]).collect();
        let reply = [
            &b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaa"[..],
            &[number],
            b"5:nodes0:5:token1:x6:valuesl",
            &values,
            b"ee1:t4:",
            &buffer[at + 5..at + 9],
            b"1:y1:re",
        ]
        .concat();
        let _ = socket.send_to(&reply, from);
        // So that the node remembers this one.
        let question = [
            &b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaa"[..],
            &[number],
            b"6:target20:aaaaaaaaaaaaaaaaaaa",
            &[number],
            b"e1:q9:find_node1:t4:lies1:y1:qe",
        ]
        .concat();
        let _ = socket.send_to(&question, from);
    }
}

#[test]
fn a_node_that_names_itself_and_many_addresses_for_everything_does_not_hide_holders() {
    let name = "dht::hostile::a_node_that_names_itself_and_many_addresses_for_everything_does_not_hide_holders";
    if !is_inside(name) {
        return;
    }
    let network = Network::start(8);
    for number in 1..=2u8 {
        let socket = UdpSocket::bind((&*format!("127.4.0.{number}"), 0));
        let socket = socket.unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        let question = [
            &b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaa"[..],
            &[number],
            b"6:target20:aaaaaaaaaaaaaaaaaaa",
            &[number],
            b"e1:q9:find_node1:t4:lies1:y1:qe",
        ]
        .concat();
        for number in 0..network.nodes.len() {
            socket.send_to(&question, address(number)).unwrap();
        }
        thread::spawn(move || lie(&socket, number));
    }
    let (_announcer, holder) = announced(&network, 3);
    let found = Finding::start(&network.reader(), &rfc(793), LIMITS).unwrap().all(LIMITS).unwrap();
    assert!(found.iter().any(|found| found.address == holder), "{holder}: {found:?}");
    assert!(found.len() > 1, "the attackers were asked: {found:?}");
    assert!(found.len() <= LIMITS.holders, "{} holders", found.len());
}
