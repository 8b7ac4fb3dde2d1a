//! Conversations that follow protocol.md, most of them with the programs of this crate: every field, and no
//! violation.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use crate::common::pcapng::{Capture, Side};
use crate::common::{self, Index, uninterrupted};
use crate::wireshark::tshark::{PASSES, Tshark};
use p2p_ci::library::{Depth, Library};
use p2p_ci::peer::{UploadServer, Uploads};
use p2p_ci::protocol::{Cluster, RecordRequests};
use p2p_ci::server::{Config, Server};

const DIGEST: &str = "sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Sends requests to a program, each after the reply to the one before, and records both directions.
/// A reply ends with these bytes.
fn record(path: &Path, address: SocketAddr, port: u16, exchanges: &[(String, &str)]) {
    let mut capture = Capture::create(path);
    let mut connection = capture.connect(40_000, port);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    for (request, end) in exchanges {
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = Vec::new();
        let mut part = [0; 4096];
        while !reply.ends_with(end.as_bytes()) {
            let length = uninterrupted(|| stream.read(&mut part)).unwrap();
            assert!(length > 0, "{}", String::from_utf8_lossy(&reply));
            reply.extend(&part[..length]);
        }
        capture.send(&mut connection, Side::Client, request.as_bytes());
        capture.send(&mut connection, Side::Server, &reply);
    }
    capture.finish(&mut connection, Side::Client);
    capture.finish(&mut connection, Side::Server);
    capture.close();
}

#[test]
fn an_index_server_of_this_crate() {
    let Some(tshark) = Tshark::find() else { return };
    let index = Index::start(&[]);
    let request = |line: &str, headers: &str| {
        format!("{line} P2P-CI/1.0\r\nHost: localhost\r\nPort: 5678\r\n{headers}\r\n")
    };
    let attributes = format!("Title: A Proferred ICP\r\nDigest: {DIGEST}\r\nLength: 3\r\n");
    let exchanges = [
        (request("ADD RFC 123", &attributes), "5678\r\n\r\n"),
        (request("ADD FILE lecture%2001.pdf", "Title: \r\n"), "5678\r\n\r\n"),
        (request("LOOKUP RFC 123", "Want-Attributes: 1\r\n"), "GMT\r\n\r\n"),
        (request("LOOKUP RFC 9999", ""), "404 Not Found\r\n\r\n"),
        (request("LIST ALL", ""), "5678\r\n\r\n"),
        (request("LIST FILES", ""), "5678\r\n\r\n"),
        (request("SEARCH ALL", "Title: icp\r\nLimit: 10\r\n"), "5678\r\n\r\n"),
        (request("REMOVE RFC 123", ""), "5678\r\n\r\n"),
        (request("LIST ALL", ""), "\r\n\r\n\r\n"),
    ];
    let capture = tshark.directory().join("index.pcapng");
    record(&capture, index.address, 7734, &exchanges);
    for passes in PASSES {
        let found = tshark.found(&capture, passes);
        let values = |field: &str| found[field].clone();
        assert_eq!(values("p2pci.section"), Vec::<String>::new(), "{passes:?}");
        let methods =
            ["ADD", "ADD", "LOOKUP", "LOOKUP", "LIST", "LIST", "SEARCH", "REMOVE", "LIST"];
        assert_eq!(values("p2pci.method"), methods);
        let statuses = ["200", "200", "200", "404", "200", "200", "200", "200", "200"];
        assert_eq!(values("p2pci.status"), statuses);
        assert_eq!(values("p2pci.rfc"), ["123", "123", "9999", "123"]);
        assert_eq!(values("p2pci.file"), ["lecture 01.pdf"]);
        assert_eq!(values("p2pci.digest"), [DIGEST]);
        assert_eq!(values("p2pci.length"), ["3"]);
        assert_eq!(values("p2pci.want_attributes"), ["1"]);
        assert_eq!(values("p2pci.limit"), ["10"]);
        assert_eq!(values("p2pci.record.rfc"), ["123"; 5]);
        assert_eq!(values("p2pci.record.file"), ["lecture 01.pdf"; 2]);
        assert_eq!(values("p2pci.record.host"), ["localhost"; 7]);
        assert_eq!(values("p2pci.record.port"), ["5678"; 7]);
        assert_eq!(values("p2pci.record.digest"), [DIGEST]);
        assert_eq!(values("p2pci.record.length"), ["3"]);
        assert_eq!(values("p2pci.record.added").len(), 1);
        assert_eq!(values("p2pci.record.count"), ["1", "1", "1", "1", "1", "1", "1", "0"]);
        assert!(values("p2pci.phrase").contains(&"Not Found".to_string()));
        // Requests and responses alternate after the three frames of the handshake.
        let requests: Vec<String> = (0..9).map(|at| (4 + 2 * at).to_string()).collect();
        assert_eq!(values("p2pci.request_in"), requests);
        assert_eq!(values("p2pci.time"), ["0.001000000"; 9]);
    }
    let responses: Vec<String> = (0..9).map(|at| (5 + 2 * at).to_string()).collect();
    assert_eq!(tshark.found(&capture, &["-2"])["p2pci.response_in"], responses);
}

#[test]
fn an_index_server_that_names_its_cluster() {
    let Some(tshark) = Tshark::find() else { return };
    let mut cluster = Cluster::new("campus-1".parse().unwrap());
    cluster.add("one.example:7734".parse().unwrap());
    cluster.add("[2001:db8::1]:7735".parse().unwrap());
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let config = Config { listen, cluster: Some(cluster), ..Config::default() };
    let server = Server::bind(&config).unwrap();
    let (address, stop) = (server.addresses().unwrap()[0], server.stop());
    let running = std::thread::spawn(move || server.run());
    let request = "LOOKUP FILE 5f P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nWant-Cluster: 1\r\n\r\n";
    let capture = tshark.directory().join("cluster.pcapng");
    record(&capture, address, 7734, &[(request.to_string(), "7735\r\n\r\n")]);
    stop.stop();
    running.join().unwrap().unwrap();
    for passes in PASSES {
        let found = tshark.found(&capture, passes);
        assert_eq!(found["p2pci.section"], Vec::<String>::new(), "{passes:?}");
        assert_eq!(found["p2pci.want_cluster"], ["1"]);
        assert_eq!(found["p2pci.cluster"], ["campus-1"]);
        let servers = ["one.example:7734", "[2001:db8::1]:7735"];
        assert_eq!(found["p2pci.cluster_server"], servers);
    }
}

#[test]
fn an_upload_server_of_this_crate_on_any_port() {
    let Some(tshark) = Tshark::find() else { return };
    let index = Index::start(&[]);
    let root = tempfile::tempdir().unwrap();
    let text = "line\r\n\r\n".repeat(9_000);
    let directory = common::directory(root.path(), "library", &[("rfc90001.txt", text.as_bytes())]);
    let (_peer, port) = common::share(index.address, &directory);
    let get = |headers: &str| {
        format!("GET RFC 90001 P2P-CI/1.0\r\nHost: localhost\r\nOS: Linux\r\n{headers}\r\n")
    };
    let open = "Connection: keep-alive\r\n";
    let exchanges = [
        (
            get(&format!("Want-Digest: sha-256\r\nRange: bytes=71990-\r\n{open}")),
            "\r\nline\r\n\r\n",
        ),
        (get(open), &text),
    ];
    let capture = tshark.directory().join("upload.pcapng");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    record(&capture, address, 33_333, &exchanges);
    for passes in PASSES {
        let found = tshark.found(&capture, passes);
        let values = |field: &str| found[field].clone();
        assert_eq!(values("p2pci.section"), Vec::<String>::new(), "{passes:?}");
        assert_eq!(values("p2pci.method"), ["GET", "GET"]);
        assert_eq!(values("p2pci.status"), ["206", "200"]);
        assert_eq!(values("p2pci.os").len(), 4);
        assert_eq!(values("p2pci.date").len(), 2);
        assert_eq!(values("p2pci.last_modified").len(), 2);
        assert_eq!(values("p2pci.content_length"), ["10", "72000"]);
        assert_eq!(values("p2pci.content_type"), ["text/plain"; 2]);
        assert_eq!(values("p2pci.range.first"), ["71990"]);
        assert_eq!(values("p2pci.content_range.last"), ["71999"]);
        assert_eq!(values("p2pci.content_range.length"), ["72000"]);
        assert_eq!(values("p2pci.want_digest"), ["sha-256"]);
        assert_eq!(values("p2pci.digest").len(), 1);
        assert_eq!(values("p2pci.connection").len(), 4);
        assert_eq!(values("p2pci.document.length"), ["10", "72000"]);
        assert_eq!(values("p2pci.request_in"), ["4", "6"]);
        // The document spans several segments.
        assert_eq!(values("p2pci.head_in"), ["5", "7"]);
    }
    assert_eq!(tshark.found(&capture, &["-2"])["p2pci.document_in"], ["5", "11"]);
    assert_eq!(
        exported(&tshark, &capture),
        [
            ("frame-5-rfc90001.txt".into(), text.split_at(71_990).1.into()),
            ("frame-7-rfc90001.txt".into(), text)
        ]
    );
}

/// LOOKUP and GET on one connection (protocol.md section 5.9).
#[test]
fn an_upload_server_that_is_asked_for_a_record() {
    let Some(tshark) = Tshark::find() else { return };
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "library", &[("rfc90001.txt", b"text")]);
    let library = Library::scan(&directory, Depth::Directory).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uploads = Uploads { records: RecordRequests::Lookup, ..Uploads::default() };
    let server = UploadServer::start(listener, library, uploads).unwrap();
    let request =
        |line: &str, headers: &str| format!("{line} P2P-CI/1.0\r\nHost: h\r\n{headers}\r\n");
    let lookup = |line: &str| request(line, "Port: 5678\r\nWant-Attributes: 1\r\n");
    let exchanges = [
        (lookup("LOOKUP RFC 90001"), "Length: 4\r\n\r\n"),
        (request("GET RFC 90001", "OS: Linux\r\nConnection: keep-alive\r\n"), "text"),
        (lookup("LOOKUP RFC 90002"), "404 Not Found\r\n\r\n"),
    ];
    let capture = tshark.directory().join("lookup.pcapng");
    record(&capture, server.address(), 33_333, &exchanges);
    for passes in PASSES {
        let found = tshark.found(&capture, passes);
        let values = |field: &str| found[field].clone();
        assert_eq!(values("p2pci.section"), Vec::<String>::new(), "{passes:?}");
        assert_eq!(values("p2pci.method"), ["LOOKUP", "GET", "LOOKUP"]);
        assert_eq!(values("p2pci.status"), ["200", "200", "404"]);
        assert_eq!(values("p2pci.record.rfc"), ["90001"]);
        assert_eq!(values("p2pci.record.length"), ["4"]);
        assert_eq!(values("p2pci.document.length"), ["4"]);
        assert_eq!(values("p2pci.request_in"), ["4", "6", "8"]);
    }
}

/// The documents that the dissector exports, by name.
fn exported(tshark: &Tshark, capture: &Path) -> Vec<(String, String)> {
    let directory = tshark.directory().join("exported documents");
    std::fs::create_dir(&directory).unwrap();
    let preference = format!("p2pci.export:{}", directory.display());
    tshark.run(capture, &["-o", &preference, "-q"]);
    // A second time nothing is overwritten.
    let first = common::names(&directory).first().cloned().unwrap();
    let before = std::fs::read(directory.join(&first)).unwrap();
    std::fs::write(directory.join(&first), "another file").unwrap();
    tshark.run(capture, &["-o", &preference, "-q"]);
    assert_eq!(std::fs::read(directory.join(&first)).unwrap(), b"another file");
    std::fs::write(directory.join(&first), before).unwrap();
    let read = |name: String| {
        let text = std::fs::read_to_string(directory.join(&name)).unwrap();
        (name, text)
    };
    common::names(&directory).into_iter().map(read).collect()
}

/// Names from the network lead to no other directory, and are not hidden.
#[test]
fn exported_documents_stay_in_their_directory() {
    let Some(tshark) = Tshark::find() else { return };
    let path = tshark.directory().join("names.pcapng");
    let mut capture = Capture::create(&path);
    let mut connection = capture.connect(40_000, 5678);
    for name in [".hidden", "a%2F..%2F..%2Fb", "%2Fetc%2Fpasswd", "C:a%09b"] {
        let get = format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n\r\n");
        capture.send(&mut connection, Side::Client, get.as_bytes());
        let head = "P2P-CI/1.0 200 OK\r\nContent-Length: 1\r\nContent-Type: a\r\n\r\nx";
        capture.send(&mut connection, Side::Server, head.as_bytes());
    }
    capture.close();
    let exported = exported(&tshark, &path);
    let names: Vec<&str> = exported.iter().map(|(name, _)| name.as_str()).collect();
    let expected = ["frame-11-document", "frame-5-_hidden", "frame-7-document", "frame-9-document"];
    assert_eq!(names, expected);
}

#[test]
fn statistics_are_printed_if_a_preference_asks_for_them() {
    let Some(tshark) = Tshark::find() else { return };
    let index = Index::start(&[]);
    let list = "LIST ALL P2P-CI/1.0\r\nHost: localhost\r\nPort: 5678\r\n\r\n";
    let capture = tshark.directory().join("statistics.pcapng");
    record(&capture, index.address, 7734, &[(list.into(), "\r\n\r\n\r\n")]);
    assert_eq!(tshark.run(&capture, &["-q"]), "");
    for passes in PASSES {
        let options = ["-q", "-o", "p2pci.statistics:TRUE"];
        let text = tshark.run(&capture, &[passes, &options].concat());
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(lines.contains(&vec!["LIST", "1", "100.0", "%"]), "{text}");
        assert!(lines.contains(&vec!["200", "1", "100.0", "%"]), "{text}");
        assert!(
            text.contains("shortest 0.001000 s, mean 0.001000 s, longest 0.001000 s"),
            "{text}"
        );
    }
}
