//! Holders are connected to at the address that the index has verified, and at no other.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use crate::common::holders::index_request;
use crate::common::run_peer;
use crate::false_records::{RIGHT, Scene};

/// An index that knows attributes, and lists RFC 1 at a host name whose address it has verified.
fn index_with_address(name: &'static str, port: u16, verified: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let record = format!("RFC 1 T {name} {port}\r\n");
    let attributes = format!("Added: Sun, 06 Nov 1994 08:49:37 GMT\r\nAddress: {verified}\r\n");
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (record, attributes) = (record.clone(), attributes.clone());
            thread::spawn(move || -> std::io::Result<()> {
                loop {
                    let request = index_request(&mut stream)?;
                    let parts = match request.split(' ').collect::<Vec<_>>().as_slice() {
                        ["LOOKUP", ..] => format!("{record}{attributes}"),
                        ["LIST", "ALL", ..] => record.clone(),
                        _ => String::new(),
                    };
                    let reply = format!("P2P-CI/1.0 200 OK\r\n\r\n{parts}\r\n");
                    stream.write_all(reply.as_bytes())?;
                }
            });
        }
    });
    address
}

fn download(index: SocketAddr, command: &[&str], mine: &Path) -> (i32, String) {
    let index = index.to_string();
    let arguments = [&[index.as_str(), "--share", "."], command].concat();
    let (code, output, errors) = run_peer(&arguments, "", mine);
    (code, output + &errors)
}

#[test]
fn a_holder_is_connected_to_at_the_address_that_the_index_has_verified() {
    for command in [["get", "1"].as_slice(), &["sync"]] {
        let mut scene = Scene::new();
        let port = scene.holder(1, RIGHT).port();
        // The name has no address of its own.
        let index = index_with_address("holder.invalid", port, "127.0.0.1");
        let (code, told) = download(index, command, &scene.mine);
        assert_eq!((code, scene.saved().as_slice()), (0, RIGHT), "{told}");
    }
}

#[test]
fn a_holder_is_connected_to_at_no_other_address() {
    // The name leads to a holder, and the index has verified another address, where no program listens.
    let name = "localhost";
    let mut scene = Scene::new();
    let port = scene.holder(1, RIGHT).port();
    let index = index_with_address(name, port, "127.0.0.99");
    let (code, told) = download(index, &["get", "1"], &scene.mine);
    assert_eq!(code, 69, "{told}");
    assert!(scene.saved().is_empty(), "{told}");
    let (_, told) = download(index, &["lookup", "1", "--probe"], &scene.mine);
    assert!(told.contains("no: cannot reach it"), "{told}");
}

#[test]
fn segments_come_from_the_verified_address_too() {
    let large: Vec<u8> = (0..9_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let mut scene = Scene::new();
    let port = scene.holder(1, &large).port();
    let index = index_with_address("holder.invalid", port, "127.0.0.1");
    let (code, told) = download(index, &["get", "1"], &scene.mine);
    assert_eq!(code, 0, "{told}");
    assert!(scene.saved() == large);
}
