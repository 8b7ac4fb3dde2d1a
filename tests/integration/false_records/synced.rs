//! `sync` works from a list, which has no attributes. It believes the announced digests that `get` believes.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use p2p_ci::peer::UploadServer;

use crate::common::holders::honest;
use crate::common::operators::{admin_address, get, value};
use crate::common::{Index, Talk, directory, run_peer};
use crate::false_records::sha256;

/// The networks of five holders: two honest ones, and one liar with three endpoints.
const NETWORKS: [u8; 5] = [1, 2, 3, 3, 3];
const LIAR: u8 = 3;

/// Documents that the liar alone has, so that connections to it are open.
const OF_LIAR: std::ops::Range<usize> = 500..520;

/// Orders in which the five holders are registered: each choice of two places for the honest ones.
fn orders() -> Vec<[usize; 5]> {
    let mut orders = Vec::new();
    for first in 0..5 {
        for second in 0..5 {
            if first != second {
                let mut liar = 2..5;
                orders.push(std::array::from_fn(|place| match place {
                    _ if place == first => 0,
                    _ if place == second => 1,
                    _ => liar.next().unwrap(),
                }));
            }
        }
    }
    orders
}

/// The name of a document on the wire, and of its file.
fn named(number: usize, is_rfc: bool) -> (String, String) {
    match is_rfc {
        true => (format!("RFC {number}"), format!("rfc{number}.txt")),
        false => (format!("FILE notes{number}"), format!("notes{number}")),
    }
}

/// What a holder in this network has at a name.
fn content(network: u8, name: &str) -> String {
    match network {
        LIAR => format!("What the liar sends instead of {name}, always the same.\n"),
        _ => format!("{name}, as its author wrote it.\n"),
    }
}

/// Registers a document at a holder.
fn add(talk: &mut Talk, document: &str, at: SocketAddr, digest: Option<&str>) {
    let (host, port) = (at.ip(), at.port());
    let digest = digest.map_or_else(String::new, |one| format!("Digest: sha-256={one}\r\n"));
    let head = format!("Host: {host}\r\nPort: {port}\r\nTitle: T\r\n{digest}");
    talk.say(format!("ADD {document} P2P-CI/1.0\r\n{head}\r\n"));
    assert!(talk.reply().iter().any(|line| line.contains(" 200 ")), "{document}");
}

/// A server of the directory of a network. The endpoints of one network have the same directory.
fn upload_server(root: &Path, network: u8) -> UploadServer {
    let name = format!("network-{network}");
    let shared = match root.join(&name) {
        shared if shared.exists() => shared,
        _ => {
            let shared = directory(root, &name, &[]);
            let numbers = (1..=orders().len()).flat_map(|number| [(number, true), (number, false)]);
            let of_liar = OF_LIAR.filter(|_| network == LIAR).map(|number| (number, true));
            for (number, is_rfc) in numbers.chain(of_liar) {
                let (_, file) = named(number, is_rfc);
                fs::write(shared.join(&file), content(network, &file)).unwrap();
            }
            shared
        }
    };
    honest(&shared, Ipv4Addr::new(127, 0, 0, network)).0
}

/// What the liar announces to the index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Claim {
    /// The digest of what it sends.
    Own,
    Nothing,
    /// The digest that the honest holders announce.
    Honest,
}

#[test]
fn endpoints_of_one_network_do_not_outvote_two_networks_in_a_sync() {
    for claim in [Claim::Own, Claim::Nothing, Claim::Honest] {
        let root = tempfile::tempdir().unwrap();
        let index = Index::start(&[]);
        let servers = NETWORKS.map(|network| upload_server(root.path(), network));
        let mut talks = NETWORKS.map(|_| index.connect());
        for (number, order) in (1..).zip(orders()) {
            for (document, file) in [named(number, true), named(number, false)] {
                for at in order {
                    let network = match claim {
                        Claim::Honest => 1,
                        Claim::Own | Claim::Nothing => NETWORKS[at],
                    };
                    let digest = sha256(content(network, &file).as_bytes());
                    let announced = NETWORKS[at] != LIAR || claim != Claim::Nothing;
                    let digest = announced.then_some(digest.as_str());
                    add(&mut talks[at], &document, servers[at].address(), digest);
                }
            }
        }
        // Between them, so that its connections are kept open.
        for number in OF_LIAR {
            let at = 2 + number % 3;
            add(&mut talks[at], &format!("RFC {number}"), servers[at].address(), None);
        }
        let arguments = [&*index.address.to_string(), "--share", ".", "sync"];
        let mine = directory(root.path(), "mine", &[]);
        let (code, output, errors) = run_peer(&arguments, "", &mine);
        assert_eq!(code, 0, "{errors}");
        for (number, order) in (1..).zip(orders()) {
            for (document, file) in [named(number, true), named(number, false)] {
                let case = format!("{document} {order:?} {claim:?}");
                let saved = fs::read_to_string(mine.join(&file)).unwrap();
                assert_eq!(saved, content(1, &file), "{case}");
                let line = output.lines().find(|line| line.contains(&*file)).expect(&case);
                let agree = if claim == Claim::Honest { 3 } else { 2 };
                let source = format!("(as {agree} holders agree)");
                assert!(line.contains(&source), "{case}: {line}");
            }
        }
        // As `get` reports it. The number of such lines in a second is limited.
        let note = "the holders of RFC 1 have different versions of it: sha-256=";
        assert_eq!(errors.contains(note), claim == Claim::Own, "{errors}");
        for number in OF_LIAR {
            assert!(mine.join(format!("rfc{number}.txt")).exists(), "{number}");
        }
    }
}

/// A vote needs two networks that agree, and a third holder.
#[test]
fn a_sync_looks_up_only_documents_of_which_a_vote_can_decide() {
    for (holders, expected) in [
        (&[1][..], 0),
        (&[1, 2], 0),
        (&[3, 3, 3], 0),
        (&[1, 2, 3], 100),
        (&[1, 3, 3], 100),
        (&[1, 2, 3, 3, 3], 100),
    ] {
        let root = tempfile::tempdir().unwrap();
        let index = Index::start(&["--admin", "127.0.0.1:0"]);
        let admin = admin_address(&index.program);
        let files: Vec<String> = (1..=100).map(|number| format!("rfc{number}.txt")).collect();
        let files: Vec<(&str, &[u8])> = files.iter().map(|name| (&**name, &b"text"[..])).collect();
        let shared = directory(root.path(), "shared", &files);
        let mut kept = Vec::new();
        for last in holders {
            let (server, _) = honest(&shared, Ipv4Addr::new(127, 0, 0, *last));
            let mut talk = index.connect();
            for number in 1..=100 {
                let digest = sha256(b"text");
                add(&mut talk, &format!("RFC {number}"), server.address(), Some(&digest));
            }
            kept.push((server, talk));
        }
        let mine = directory(root.path(), "mine", &[]);
        let arguments = [&*index.address.to_string(), "--share", ".", "sync"];
        let (code, _, errors) = run_peer(&arguments, "", &mine);
        assert_eq!(code, 0, "{holders:?}: {errors}");
        let (_, metrics) = get(admin, "/metrics");
        let lookups = value(&metrics, "p2p_ci_requests_total{method=\"LOOKUP\",status=\"200\"}");
        // One finds out whether the index knows files.
        assert_eq!(lookups, f64::from(expected + 1), "{holders:?}");
    }
}
