//! Limits per network, in a network namespace in which every address is this machine's (protocol.md
//! section 7).
//!
//! The case starts this program again inside the namespace, which ends with it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use socket2::{Domain, Socket, Type};

use crate::attack::Setting;
use crate::attack::namespace::{is_inside, run_inside};
use crate::attack::report::Report;
use crate::common::programs::{Index, peer_command};

/// Addresses, the name of a peer, and a log that no other case sees.
const SCRIPT: &str = r#"
set -e
ip link set lo up
ip addr add 10.9.0.1/16 dev lo
for network in 1 2 3 4 5 6; do
    for interface in 1 2; do ip -6 addr add "fd00:9:0:$network::$interface/128" dev lo nodad; done
done
echo '10.9.0.7 peer.example' > "$0"
mount --bind "$0" /etc/hosts
exec "$@"
"#;

pub(super) fn networks(setting: &Setting, report: &mut Report) -> io::Result<()> {
    match is_inside() {
        true => inside(report),
        false => run_inside("networks", SCRIPT, setting, report),
    }
}

/// Connects from an address.
fn connect(from: &str, to: SocketAddr) -> io::Result<TcpStream> {
    let from: IpAddr = from.parse().map_err(io::Error::other)?;
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&to.into())?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

const LOOKUP: &[u8] = b"LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";

/// Asks, and returns the status.
fn ask(mut stream: &TcpStream, request: &[u8]) -> io::Result<String> {
    // A connection that was refused may be closed by now; its reply is there all the same.
    let _ = stream.write_all(request);
    let mut reply = [0; 400];
    let count = stream.read(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply[..count]).into_owned())
}

/// How many of these connections are served.
fn served(from: &[&str], to: SocketAddr) -> io::Result<(usize, Vec<TcpStream>)> {
    let streams = from.iter().map(|from| connect(from, to)).collect::<io::Result<Vec<_>>>()?;
    let mut served = 0;
    for stream in &streams {
        served += usize::from(ask(stream, LOOKUP)?.contains(" 404 "));
    }
    Ok((served, streams))
}

fn server(arguments: &[&str], listen: &str) -> io::Result<Index> {
    Index::with(&[&["--log", "quiet", "--listen", listen], arguments].concat())
}

/// The address of the second listener: the first is on loopback.
fn listener(port: u16, address: &str) -> io::Result<SocketAddr> {
    Ok(SocketAddr::new(address.parse().map_err(io::Error::other)?, port))
}

fn inside(report: &mut Report) -> io::Result<()> {
    let index = server(&["--connections-per-address", "3"], "10.9.0.1:7001")?;
    let v4 = listener(7001, "10.9.0.1")?;
    let (count, held) = served(&["10.9.0.2"; 5], v4)?;
    report.require("an IPv4 address has as many connections as were allowed", count == 3);
    report.require("another address is served", served(&["10.9.0.3"], v4)?.0 == 1);
    refused_peers_report_it(v4, report)?;
    drop((held, index));

    let index = server(&["--connections-per-address", "3"], "[fd00:9:0:1::1]:7002")?;
    let v6 = listener(7002, "fd00:9:0:1::1")?;
    let both = ["fd00:9:0:2::1", "fd00:9:0:2::2"];
    let (count, held) = served(&[both, both].concat(), v6)?;
    report.require("two addresses of an IPv6 /64 share a limit", count == 3);
    let others = ["fd00:9:0:3::1", "fd00:9:0:4::1", "fd00:9:0:5::1", "fd00:9:0:6::1"];
    let (count, more) = served(&others.map(|address| [address; 3]).concat(), v6)?;
    report.require("an IPv6 /48 has four times that limit", count == 9);
    drop((held, more, index));

    broken_client(report)?;
    verified_address(report)
}

/// `peer` says why it was refused, each time.
fn refused_peers_report_it(index: SocketAddr, report: &mut Report) -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let mut told = 0;
    const TIMES: usize = 20;
    // From the address of the listener, which the system chooses; it has three connections.
    let (_, held) = served(&["10.9.0.1"; 3], index)?;
    for _ in 0..TIMES {
        let output = peer_command(&index.to_string(), directory.path(), &["list"])?.output()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        told += usize::from(text.contains("503 Service Unavailable") && !text.contains("pipe"));
    }
    drop(held);
    report.figure("refused peers that are told so, of 20", told as f64, "");
    report.require("a refused peer is told so", told == TIMES);
    Ok(())
}

/// A broken client with the same address as others.
fn broken_client(report: &mut Report) -> io::Result<()> {
    let index = server(&["--connections-per-address", "1000"], "10.9.0.1:7003")?;
    let to = listener(7003, "10.9.0.1")?;
    let mut refused = false;
    for _ in 0..400 {
        let stream = connect("10.9.0.2", to)?;
        refused = ask(&stream, b"\x16\x03\x01\x02\x00")?.contains(" 503 ");
    }
    report.require("a broken client is refused", refused);
    report.require("others are served meanwhile", served(&["10.9.0.3"], to)?.0 == 1);
    let begun = Instant::now();
    while served(&["10.9.0.2"], to)?.0 == 0 && begun.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(100));
    }
    report.figure("others with its address are served after", begun.elapsed().as_secs_f64(), "s");
    report.require("within 10 s after it stops", begun.elapsed() < Duration::from_secs(10));
    drop(index);

    let index = server(&[], "127.0.0.1:7004")?;
    let to = listener(7004, "127.0.0.1")?;
    for _ in 0..400 {
        ask(&connect("127.0.0.1", to)?, b"\x16\x03\x01\x02\x00")?;
    }
    report.require("loopback is exempt", served(&["127.0.0.1"], to)?.0 == 1);
    drop(index);
    Ok(())
}

/// The index returns the address for which it verified a name.
fn verified_address(report: &mut Report) -> io::Result<()> {
    let resolved = fs::read_to_string(Path::new("/etc/hosts"))?.contains("peer.example");
    report.require("the name resolves", resolved);
    let index = server(&[], "10.9.0.1:7005")?;
    let to = listener(7005, "10.9.0.1")?;
    let add = |host: &str| {
        format!("ADD RFC 1 P2P-CI/1.0\r\nHost: {host}\r\nPort: 9\r\nTitle: T\r\n\r\n").into_bytes()
    };
    let (peer, other) = (connect("10.9.0.7", to)?, connect("10.9.0.8", to)?);
    ask(&peer, &add("peer.example"))?;
    ask(&other, &add("peer.example"))?;
    let query = b"LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n";
    let reply = ask(&connect("10.9.0.9", to)?, query)?;
    let (own, copy) = ("RFC 1 T peer.example 9\r\n", "RFC 1 T 10.9.0.8 9\r\n");
    report.require("a verified name is listed with its address", {
        reply.contains(own)
            && reply.matches("Address: ").count() == 1
            && reply.contains("Address: 10.9.0.7\r\n")
    });
    report.require("a name that does not lead to the peer is not listed", reply.contains(copy));
    drop(index);
    Ok(())
}
