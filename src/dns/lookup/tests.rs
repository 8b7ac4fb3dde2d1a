//! Name servers that are real sockets on loopback.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use simple_dns::rdata::{RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord};

use super::*;

/// Long for a server that replies.
const PATIENCE: Duration = Duration::from_secs(20);

/// A name server that sends these datagrams for each query, and these bytes by TCP.
fn name_server(
    datagrams: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static,
    by_tcp: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
) -> SocketAddr {
    // Both sockets need the same number.
    let (udp, tcp) = (0..100)
        .find_map(|_| {
            let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
            Some((UdpSocket::bind(tcp.local_addr().unwrap()).ok()?, tcp))
        })
        .unwrap();
    let address = tcp.local_addr().unwrap();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut query) {
            for datagram in datagrams(&query[..length]) {
                udp.send_to(&datagram, from).unwrap();
            }
        }
    });
    thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).unwrap();
            let _ = stream.write_all(&by_tcp(&query));
        }
    });
    address
}

fn no_tcp(_: &[u8]) -> Vec<u8> {
    Vec::new()
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// The reply to a query: its records (priority, weight, port, target), and what is changed in it.
fn reply(
    query: &[u8],
    records: &[(u16, u16, u16, &str)],
    change: impl Fn(&mut Packet<'_>),
) -> Vec<u8> {
    let mut packet = Packet::parse(query).unwrap().into_reply();
    let owner = packet.questions[0].qname.clone();
    for (priority, weight, port, target) in records {
        let target = Name::new(target).unwrap().into_owned();
        let record = SRV { priority: *priority, weight: *weight, port: *port, target };
        let record = ResourceRecord::new(owner.clone(), CLASS::IN, 60, RData::SRV(record));
        packet.answers.push(record);
    }
    change(&mut packet);
    packet.build_bytes_vec_compressed().unwrap()
}

fn plain(query: &[u8]) -> Vec<u8> {
    reply(query, &[(1, 0, 7734, "a.campus.example")], |_| {})
}

fn truncated(query: &[u8]) -> Vec<Vec<u8>> {
    vec![reply(query, &[], |packet| packet.set_flags(PacketFlag::TRUNCATION))]
}

fn asked(servers: &[SocketAddr], time: Duration) -> io::Result<Located> {
    let service = service_name(&"campus.example".parse().unwrap()).unwrap();
    look_up(&service, servers, limits::ends_after(time))
}

fn at(endpoints: &[&str]) -> Located {
    Located::At(endpoints.iter().map(|endpoint| endpoint.parse().unwrap()).collect())
}

#[test]
fn only_names_that_a_name_server_can_know_are_looked_up() {
    let name = |host: &str| service_name(&host.parse().unwrap());
    for host in ["campus.example", "Index.Campus.example.", "a-1_b.c"] {
        let expected = format!("_p2p-ci._tcp.{}", host.trim_end_matches('.'));
        assert_eq!(name(host), Some(expected));
    }
    for host in [
        "localhost",
        "localhost.",
        "papers",
        "lab3.local",
        "lab3.LOCAL.",
        "a.localhost",
        "x.invalid",
        "192.0.2.1",
        "2001:db8::1",
        "::1",
        "fe80::1%eth0",
        "::ffff:192.0.2.1",
        ".",
        "a..b",
        ".a.b",
        "a\\.b.example",
        "a@b.example",
    ] {
        assert_eq!(name(host), None, "{host}");
    }
}

#[test]
fn servers_are_tried_by_priority() {
    let records =
        [(20, 5, 7736, "c.example"), (10, 0, 7734, "a.example"), (15, 9, 7735, "b.example")];
    let server = name_server(move |query| vec![reply(query, &records, |_| {})], no_tcp);
    let expected = at(&["a.example.:7734", "b.example.:7735", "c.example.:7736"]);
    assert_eq!(asked(&[server], PATIENCE).unwrap(), expected);
}

#[test]
fn weights_spread_the_peers() {
    let records = [(1, 1, 7734, "a.example"), (1, 1, 7734, "b.example")];
    let server = name_server(move |query| vec![reply(query, &records, |_| {})], no_tcp);
    let mut found = Vec::new();
    // Both orders within 200 attempts, except once in 2^199 runs.
    for _ in 0..200 {
        let located = asked(&[server], PATIENCE).unwrap();
        if !found.contains(&located) {
            found.push(located);
        }
    }
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn a_name_without_records_is_told_from_one_without_a_service() {
    for (change, expected) in [
        ((|_| {}) as fn(&mut Packet<'_>), Located::Unknown),
        (|packet| *packet.rcode_mut() = RCODE::NameError, Located::Unknown),
    ] {
        let server = name_server(move |query| vec![reply(query, &[], change)], no_tcp);
        assert_eq!(asked(&[server], PATIENCE).unwrap(), expected);
    }
    let server = name_server(|query| vec![reply(query, &[(0, 0, 0, ".")], |_| {})], no_tcp);
    assert_eq!(asked(&[server], PATIENCE).unwrap(), Located::NotOffered);
    let server = name_server(|query| vec![reply(query, &[(0, 0, 0, "a.example")], |_| {})], no_tcp);
    assert_eq!(asked(&[server], PATIENCE).unwrap(), Located::Unknown);
}

#[test]
fn a_long_reply_comes_by_tcp_and_is_bounded() {
    let names: Vec<String> = (0..1000).map(|number| format!("h{number}.example")).collect();
    let long = move |query: &[u8]| {
        let records: Vec<_> = (0..).zip(&names).map(|(at, name)| (at, 0, 7734, &**name)).collect();
        with_length(&reply(query, &records, |_| {}))
    };
    let server = name_server(truncated, long);
    let Located::At(found) = asked(&[server], PATIENCE).unwrap() else { panic!() };
    let names: Vec<String> = found.iter().map(ToString::to_string).collect();
    let first: Vec<String> = (0..16).map(|number| format!("h{number}.example.:7734")).collect();
    assert_eq!(names, first);
}

#[test]
fn datagrams_that_are_no_reply_are_ignored() {
    let server = name_server(
        |query| {
            let wrong_id = reply(query, &[(1, 0, 1, "bad.example")], |packet| {
                packet.set_id(packet.id().wrapping_add(1));
            });
            let other_name = reply(query, &[(1, 0, 1, "bad.example")], |packet| {
                packet.questions[0].qname = Name::new("other.example").unwrap();
            });
            let cut = plain(query)[..40].to_vec();
            let loops = [&plain(query)[..12], &[0xc0, 12, 0, 33, 0, 1]].concat();
            let none = Vec::new();
            vec![
                none,
                vec![0xff; 4000],
                wrong_id,
                other_name,
                cut,
                loops,
                query.to_vec(),
                plain(query),
            ]
        },
        no_tcp,
    );
    assert_eq!(asked(&[server], PATIENCE).unwrap(), at(&["a.campus.example.:7734"]));
}

#[test]
fn a_lost_query_is_sent_again() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let server = name_server(
        move |query| match first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => Vec::new(),
            false => vec![plain(query)],
        },
        no_tcp,
    );
    assert_eq!(asked(&[server], Duration::from_secs(4)).unwrap(), at(&["a.campus.example.:7734"]));
}

#[test]
fn another_server_is_asked_if_one_fails() {
    let works = name_server(|query| vec![plain(query)], no_tcp);
    let silent = name_server(|_| Vec::new(), no_tcp);
    let failing = name_server(
        |query| vec![reply(query, &[], |packet| *packet.rcode_mut() = RCODE::ServerFailure)],
        no_tcp,
    );
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ends_within = name_server(truncated, |query| with_length(&plain(query))[..30].to_vec());
    let not_more = name_server(truncated, |query| with_length(&truncated(query)[0]));
    let other = name_server(truncated, |_| with_length(&[0; 100]));
    let no_tcp = name_server(truncated, no_tcp);
    for first in [silent, failing, closed, ends_within, not_more, other, no_tcp] {
        let found = asked(&[first, works], Duration::from_secs(4)).unwrap();
        assert_eq!(found, at(&["a.campus.example.:7734"]));
    }
}

#[test]
fn silence_costs_the_time_that_the_caller_has_given() {
    let silent = || name_server(|_| Vec::new(), no_tcp);
    // Each byte by TCP in time, the whole reply not.
    let slow = name_server(truncated, |query| {
        thread::sleep(PATIENCE);
        with_length(query)
    });
    let noisy = name_server(|_| vec![vec![0; 20]; 50], no_tcp);
    for servers in [vec![silent()], vec![silent(), silent(), silent()], vec![slow], vec![noisy]] {
        let begun = Instant::now();
        let error = asked(&servers, Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        let time = begun.elapsed();
        assert!((Duration::from_millis(290)..PATIENCE / 2).contains(&time), "{time:?}");
    }
    let error = asked(&[], PATIENCE).unwrap_err();
    assert_eq!(error.to_string(), "no name server is known");
}
