//! Peers whose index server is a name without a port.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::common::{Index, Program, directory, is_inside, run_peer};
use crate::dns::name_server::{Services, start, start_with};

/// Ports of index servers: the namespace has no other program.
const FIRST: u16 = 7001;
const SECOND: u16 = 7002;

fn server(port: u16) -> Index {
    let address = SocketAddr::from(([127, 0, 0, 1], port)).to_string();
    let program = Program::start(
        env!("CARGO_BIN_EXE_server"),
        &["--listen", &address],
        std::path::Path::new("."),
    );
    assert_eq!(program.line(), format!("listening on {address}"));
    Index { program, address: address.parse().unwrap() }
}

/// Starts a peer that shares a document, until it is registered; returns what it has printed about that.
fn share(name: &str, directory: &std::path::Path) -> (Program, String) {
    let arguments = [name, "--share", ".", "--upload", "127.0.0.1:0", "share"];
    let peer = Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, directory);
    peer.line();
    let registered = peer.line();
    (peer, registered)
}

fn zone(zone: Vec<(&'static str, Services)>) -> &'static [(&'static str, Services)] {
    zone.leak()
}

#[test]
fn a_peer_uses_the_servers_that_dns_names() {
    if !is_inside("dns::peers::a_peer_uses_the_servers_that_dns_names") {
        return;
    }
    let both = vec![(20, 0, SECOND, "index2.example"), (10, 0, FIRST, "index1.example")];
    let queries = start(zone(vec![
        ("campus.example", Services::Of(both.clone())),
        ("long.example", Services::ByTcp(both)),
    ]));
    let root = tempfile::tempdir().unwrap();
    let papers = directory(root.path(), "papers", &[("rfc7.txt", b"seven")]);
    let (first, second) = (server(FIRST), server(SECOND));
    let (peer, registered) = share("campus.example", &papers);
    assert!(registered.starts_with("registered 1 document with "), "{registered}");
    // They are no cluster, so the peer registers with both.
    first.wait_for_records(1);
    second.wait_for_records(1);
    assert_eq!(queries.services(), ["_p2p-ci._tcp.campus.example"]);
    drop(peer);
    first.wait_for_records(0);
    let _record = first.register_files(&["a.txt"], 1);
    for name in ["campus.example", "long.example", "Campus.Example."] {
        let (code, output, errors) = run_peer(&[name, "list", "--files"], "", root.path());
        assert_eq!((code, errors.as_str()), (0, ""), "{name}");
        assert!(output.contains("a.txt"), "{name}: {output}");
    }
}

#[test]
fn the_second_server_is_used_if_the_first_is_down() {
    if !is_inside("dns::peers::the_second_server_is_used_if_the_first_is_down") {
        return;
    }
    start(zone(vec![(
        "campus.example",
        Services::Of(vec![(10, 0, FIRST, "index1.example"), (20, 0, SECOND, "index2.example")]),
    )]));
    let root = tempfile::tempdir().unwrap();
    let papers = directory(root.path(), "papers", &[("rfc7.txt", b"seven")]);
    let second = server(SECOND);
    let (peer, registered) = share("campus.example", &papers);
    assert!(registered.contains(&format!("index2.example.:{SECOND}")), "{registered}");
    second.wait_for_records(1);
    peer.error_with(&format!("index1.example.:{FIRST}"));
    let (code, output, _) = run_peer(&["campus.example", "list"], "", root.path());
    assert_eq!(code, 0);
    assert!(output.contains("RFC 7"), "{output}");
}

#[test]
fn without_a_service_the_name_and_the_usual_port_are_used() {
    if !is_inside("dns::peers::without_a_service_the_name_and_the_usual_port_are_used") {
        return;
    }
    let queries = start(zone(vec![
        ("silent.example", Services::Silence),
        ("empty.example", Services::Of(Vec::new())),
        ("none.example", Services::Of(vec![(0, 0, 0, ".")])),
    ]));
    let root = tempfile::tempdir().unwrap();
    let index = server(7734);
    let _record = index.register_files(&["a.txt"], 1);
    let list = |name: &str| run_peer(&[name, "list", "--files"], "", root.path());
    for name in ["index.example", "empty.example", "silent.example"] {
        let begun = Instant::now();
        let (code, output, errors) = list(name);
        assert_eq!((code, errors.as_str()), (0, ""), "{name}");
        assert!(output.contains("a.txt"), "{name}: {output}");
        let least = if name == "silent.example" { 900 } else { 0 };
        let time = begun.elapsed();
        assert!(
            (Duration::from_millis(least)..Duration::from_secs(10)).contains(&time),
            "{time:?}"
        );
    }
    let (code, output, errors) = list("none.example");
    assert_eq!((code, output.as_str()), (69, ""), "{errors}");
    assert!(errors.contains("the target of `_p2p-ci._tcp.none.example` is `.`"), "{errors}");
    // Of several names, those with a server suffice.
    let (code, output, _) = list("none.example,index.example");
    assert_eq!(code, 0);
    assert!(output.contains("a.txt"), "{output}");
    // A query that gets no reply is sent twice.
    let asked = queries.services();
    let times = |name: &str| asked.iter().filter(|asked| asked.ends_with(name)).count();
    assert_eq!(times(".index.example"), 2, "{asked:?}");
    assert_eq!(times(".silent.example"), 2, "{asked:?}");
}

#[test]
fn addresses_and_names_with_ports_are_not_looked_up() {
    if !is_inside("dns::peers::addresses_and_names_with_ports_are_not_looked_up") {
        return;
    }
    let other = vec![(0, 0, FIRST, "other.example")];
    let queries = start(zone(vec![("index.example", Services::Of(other))]));
    let root = tempfile::tempdir().unwrap();
    let index = server(7734);
    let _record = index.register_files(&["a.txt"], 1);
    for name in ["localhost", "127.0.0.1", "index.example:7734", "localhost:7734"] {
        let (code, output, errors) = run_peer(&[name, "list", "--files"], "", root.path());
        assert_eq!((code, errors.as_str()), (0, ""), "{name}");
        assert!(output.contains("a.txt"), "{name}: {output}");
    }
    // Commands that ask no index server.
    for command in [&["docs"][..], &["verify"], &["why", "793"]] {
        run_peer(&[&["index.example"], command].concat(), "", root.path());
    }
    assert_eq!(queries.services(), Vec::<String>::new());
    assert!(queries.addresses() > 0, "the name server was not used");
}

/// Before, search domains were appended to the targets.
#[test]
fn search_domains_are_not_appended_to_targets() {
    if !is_inside("dns::peers::search_domains_are_not_appended_to_targets") {
        return;
    }
    let records = vec![(10, 0, SECOND, "index1.wrong"), (20, 0, FIRST, "index1.example")];
    let queries = start_with(
        "nameserver 127.0.0.1\nsearch campus.example\noptions ndots:5 timeout:1 attempts:1\n",
        zone(vec![("campus.example", Services::Of(records))]),
    );
    let root = tempfile::tempdir().unwrap();
    let (first, second) = (server(FIRST), server(SECOND));
    let _record = first.register_files(&["a.txt"], 1);
    let _other = second.register_files(&["wrong.txt"], 1);
    let (code, output, errors) = run_peer(&["campus.example", "list", "--files"], "", root.path());
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("a.txt") && !output.contains("wrong.txt"), "{output}{errors}");
    let mut asked = queries.names();
    asked.retain(|name| !name.starts_with('_'));
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ["index1.example", "index1.wrong"]);
}

/// The resolver of the C library asks the second name server after 5 s.
#[test]
fn names_are_resolved_when_the_first_name_server_does_not_reply() {
    if !is_inside("dns::peers::names_are_resolved_when_the_first_name_server_does_not_reply") {
        return;
    }
    let _silent = UdpSocket::bind("127.0.0.2:53").unwrap();
    let both = "nameserver 127.0.0.2\nnameserver 127.0.0.1\n";
    start_with(
        both,
        zone(vec![("campus.example", Services::Of(vec![(0, 0, FIRST, "a.example")]))]),
    );
    let root = tempfile::tempdir().unwrap();
    let (first, usual) = (server(FIRST), server(7734));
    let _records = [first.register_files(&["a.txt"], 1), usual.register_files(&["a.txt"], 1)];
    for name in ["campus.example", "index.example", "index.example:7734"] {
        let (code, output, errors) = run_peer(&[name, "list", "--files"], "", root.path());
        assert_eq!((code, errors.as_str()), (0, ""), "{name}");
        assert!(output.contains("a.txt"), "{name}: {output}");
    }
}
