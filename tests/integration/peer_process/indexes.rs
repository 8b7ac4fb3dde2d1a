//! A peer of several index servers, one of which ends and comes back.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use p2p_ci::peer::{IndexConnection, IndexDialect, IndexGroup, Provenance, Source, lookup};

use crate::common::{self, Index, Program, run_peer, share};

/// An index server, and what a holder shares there.
fn index_with(root: &Path, name: &str, rfcs: &[u32]) -> (Index, Program, String) {
    let index = Index::start(&[]);
    let contents: Vec<(String, String)> =
        rfcs.iter().map(|rfc| (format!("rfc{rfc}.txt"), format!("text {rfc}"))).collect();
    let files: Vec<(&str, &[u8])> =
        contents.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let directory = common::directory(root, name, &files);
    let (holder, port) = share(index.address, &directory);
    (index, holder, port.to_string())
}

#[test]
fn the_replies_of_two_index_servers_are_one() {
    let root = tempfile::Builder::new().prefix("two in dexes").tempdir().unwrap();
    let (one, _first, port_one) = index_with(root.path(), "a", &[1, 2]);
    let (two, _second, port_two) = index_with(root.path(), "b", &[2, 3]);
    let both = format!("{},{}", one.address, two.address);
    let run = |arguments: &[&str]| {
        let arguments = [&[both.as_str(), "--share", "mine"], arguments].concat();
        run_peer(&arguments, "", root.path())
    };
    let rows = |text: &str| -> Vec<String> {
        let records = text.lines().filter(|line| line.starts_with("RFC "));
        let mut rows: Vec<String> = records
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                format!("{} {}", words[1], words[words.len() - 1])
            })
            .collect();
        rows.sort();
        rows
    };
    let all = [
        format!("1 {port_one}"),
        format!("2 {}", port_one.clone().min(port_two.clone())),
        format!("2 {}", port_one.clone().max(port_two.clone())),
        format!("3 {port_two}"),
    ];
    let (code, list, errors) = run(&["list"]);
    assert_eq!((code, rows(&list)), (0, all.to_vec()), "{list}{errors}");
    let empty = list.lines().filter(|line| line.is_empty()).count();
    assert!(list.starts_with("P2P-CI/1.0 200 OK\n\nRFC ") && empty == 2, "{list:?}");
    let (code, found, errors) = run(&["lookup", "2"]);
    assert_eq!((code, rows(&found)), (0, all[1..3].to_vec()), "{found}{errors}");
    let (code, found, _) = run(&["lookup", "3"]);
    assert_eq!((code, rows(&found)), (0, all[3..].to_vec()), "{found}");
    assert_eq!(run(&["lookup", "7"]).0, 66);
    // The document with most records is first.
    let (code, found, errors) = run(&["search", "rfc"]);
    assert_eq!((code, rows(&found).len()), (0, 4), "{found}{errors}");
    assert!(found.lines().nth(2).unwrap().starts_with("RFC 2 "), "{found}");
    let (code, peers, _) = run(&["peers"]);
    assert_eq!((code, peers.lines().count()), (0, 2), "{peers}");
    // The holder is known to the second server alone.
    let (code, _, errors) = run(&["get", "3"]);
    assert_eq!(code, 0, "{errors}");
    let (code, _, errors) = run(&["sync"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(common::names(&root.path().join("mine")), ["rfc1.txt", "rfc2.txt", "rfc3.txt"]);
    let (code, _, errors) = run_peer(&["localhost:1,localhost:1", "list"], "", root.path());
    assert!(code == 2 && errors.contains("different index servers"), "{errors}");
}

/// Before, the error named the first one, and the others only in warnings that said that others were asked.
#[test]
fn the_error_names_all_index_servers_that_cannot_be_reached() {
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "mine", &[]);
    // Bound without listening: connections are refused, and no other program gets the port.
    let [one, two] = [(); 2].map(|()| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        (socket.local_addr().unwrap().as_socket().unwrap(), socket)
    });
    let both = format!("{},{}", one.0, two.0);
    let causes = format!(
        "none of 2 index servers has replied: cannot reach the index {}: Connection refused (os \
         error 111); cannot reach the index {}: Connection refused (os error 111)",
        one.0, two.0
    );
    for (command, input) in [("list", ""), ("get 1", ""), ("sync", ""), ("", "list\n")] {
        let arguments: Vec<&str> =
            [&*both, "--share", "."].into_iter().chain(command.split_whitespace()).collect();
        let (code, _, errors) = run_peer(&arguments, input, &directory);
        assert_eq!(code, 69, "{command}: {errors}");
        assert!(errors.contains(&causes), "{command}: {errors}");
        assert!(!errors.contains("continuing without"), "{command}: {errors}");
        assert!(errors.contains("is an index server running"), "{command}: {errors}");
    }
}

#[test]
fn an_index_server_that_ends_and_comes_back_is_tolerated() {
    let root = tempfile::tempdir().unwrap();
    let (one, _first, _) = index_with(root.path(), "a", &[1]);
    let mut two = Index::start(&[]);
    let address = two.address.to_string();
    let both = format!("{},{address}", one.address);
    fs::create_dir(root.path().join("mine")).unwrap();
    fs::write(root.path().join("mine/rfc9.txt"), "nine").unwrap();
    let mut shell =
        Program::start(env!("CARGO_BIN_EXE_peer"), &[&both, "--share", "mine"], root.path());
    let mut registered: Vec<String> =
        (0..3).map(|_| shell.line()).filter(|line| line.starts_with("registered ")).collect();
    registered.sort();
    let mut expected = [one.address.to_string(), address.clone()]
        .map(|index| format!("registered 1 document with {index}"));
    expected.sort();
    assert_eq!(registered, expected);
    assert_eq!((one.list().len(), two.list().len()), (2, 1));

    two.program.signal("KILL");
    two.program.wait();
    shell.error_with(&format!("lost the index {address}"));
    let until = |shell: &Program, part: &str| {
        let mut seen = Vec::new();
        loop {
            let line = shell.line();
            let is_last = line.contains(part);
            seen.push(line);
            if is_last {
                return seen;
            }
        }
    };
    shell.type_line("status");
    let status = until(&shell, "documents");
    assert!(status[0].contains(&one.address.to_string()), "{status:?}");
    assert!(status[0].contains("known there as"), "{status:?}");
    assert!(status[1].contains(&address) && !status[1].contains("known there"), "{status:?}");
    shell.type_line("get 1");
    until(&shell, "RFC 1: ");
    // A single command works, too, and says what it does without.
    let (code, list, errors) = run_peer(&[&both, "list"], "", root.path());
    assert!(code == 0 && errors.contains(&format!("cannot reach the index {address}")), "{errors}");
    assert_eq!(list.lines().filter(|line| line.starts_with("RFC ")).count(), 3, "{list}");

    let again = Program::start(env!("CARGO_BIN_EXE_server"), &["--listen", &address], root.path());
    assert_eq!(again.line(), format!("listening on {address}"));
    // Everything is registered there again, also what was downloaded meanwhile.
    shell.error_with(&format!("registered 2 documents with {address}"));
    let (code, list, errors) = run_peer(&[&address, "list"], "", root.path());
    assert_eq!((code, list.matches("RFC ").count()), (0, 2), "{list}{errors}");
    assert_eq!(shell.end_input().code(), Some(0));
    let (code, _, errors) = run_peer(&["127.0.0.1:1,127.0.0.1:2", "list"], "", root.path());
    assert_eq!(code, 69, "{errors}");
}

/// Which addresses may be connected to depends on the index that lists a holder.
#[cfg(target_os = "linux")]
#[test]
fn each_holder_has_the_provenance_of_its_index() {
    let indexes = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| {
        let program =
            Program::start(env!("CARGO_BIN_EXE_server"), &["--listen", address], Path::new("."));
        let line = program.line();
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        (Index { program, address }, address)
    });
    let talks = indexes.each_ref().map(|(index, address)| {
        let mut talk = index.connect();
        talk.add(7, "T", &address.ip().to_string(), 2000);
        talk.add(8, "T", "both", 2000);
        talk
    });
    let connections = indexes.each_ref().map(|(index, _)| {
        IndexConnection::new(index.address.to_string().parse().unwrap(), None, None, Arc::default())
    });
    let [first, second] = connections;
    let group = IndexGroup::new(first, vec![second]);
    let sources = |number: &str| -> Vec<Source> {
        let document = number.parse().map(p2p_ci::protocol::Document::Rfc).unwrap();
        let found = lookup(&group, &document, None).unwrap().found;
        found.into_iter().map(Source::from).collect()
    };
    let found = sources("7");
    assert_eq!(found.len(), 2);
    for source in found {
        let (_, address) = indexes
            .iter()
            .find(|(_, address)| address.ip().to_string() == source.holder.host.as_str())
            .unwrap();
        assert_eq!(source.provenance, Provenance::Index(*address));
    }
    assert_eq!(sources("8").len(), 1);
    drop(talks);
}

/// A server that accepts connections and does not reply delays one request, and rests then.
#[test]
fn a_silent_index_server_is_left_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_address = silent.local_addr().unwrap();
    let (accepted, connections) = channel();
    thread::spawn(move || {
        for stream in silent.incoming().map_while(Result::ok) {
            if accepted.send(stream).is_err() {
                return;
            }
        }
    });
    let index = Index::start(&[]);
    let mut talk = index.connect();
    talk.add(7, "T", "localhost", 2000);
    let mut limits = p2p_ci::limits::IndexClient::default();
    (limits.reply, limits.probe_reply) = (Duration::from_millis(50), Duration::from_millis(50));
    let [first, second] = [silent_address, index.address].map(|address| {
        let dialect = Arc::new(IndexDialect::with_limits(limits));
        IndexConnection::new(address.to_string().parse().unwrap(), None, None, dialect)
    });
    let group = IndexGroup::new(first, vec![second]);
    let document = p2p_ci::protocol::Document::Rfc("7".parse().unwrap());
    for _ in 0..3 {
        assert_eq!(lookup(&group, &document, None).unwrap().found.len(), 1);
        group.close();
    }
    let of_first = connections.try_iter().count();
    for _ in 0..3 {
        assert_eq!(lookup(&group, &document, None).unwrap().found.len(), 1);
        group.close();
    }
    assert!(of_first > 0);
    assert_eq!(connections.try_iter().count(), 0);
}
