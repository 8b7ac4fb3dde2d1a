//! A name server at the only address that `/etc/resolv.conf` has in the namespace.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

/// What the server replies to a query for the services of a name.
#[derive(Clone)]
pub enum Services {
    /// Priority, weight, port and target of each record.
    Of(Vec<(u16, u16, u16, &'static str)>),
    /// The same by TCP, and a truncated reply by UDP.
    ByTcp(Vec<(u16, u16, u16, &'static str)>),
    Silence,
}

/// The queries that have arrived: the name and the type.
#[derive(Clone, Default)]
pub struct Queries(Arc<Mutex<Vec<(String, TYPE)>>>);

impl Queries {
    /// The names whose services were asked for.
    pub fn services(&self) -> Vec<String> {
        let all = self.0.lock().unwrap();
        let services = all.iter().filter(|(_, kind)| *kind == TYPE::SRV);
        services.map(|(name, _)| name.clone()).collect()
    }

    /// All names that were asked for.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    /// The number of queries for addresses.
    pub fn addresses(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|(_, kind)| *kind == TYPE::A).count()
    }
}

/// Starts the server. Names that end in `.example` have the address 127.0.0.1; other names do not exist.
pub fn start(zone: &'static [(&'static str, Services)]) -> Queries {
    start_with("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", zone)
}

/// The same with this `/etc/resolv.conf`.
pub fn start_with(configuration: &str, zone: &'static [(&'static str, Services)]) -> Queries {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("resolv.conf");
    fs::write(&file, configuration).unwrap();
    let mounted = Command::new("mount").arg("--bind").arg(&file).arg("/etc/resolv.conf").status();
    assert!(mounted.unwrap().success());
    let queries = Queries::default();
    let udp = UdpSocket::bind("127.0.0.1:53").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:53").unwrap();
    let seen = queries.clone();
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut query) {
            if let Some(reply) = reply(&query[..length], zone, &seen, false) {
                udp.send_to(&reply, from).unwrap();
            }
        }
    });
    let seen = queries.clone();
    thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).unwrap();
            let reply = reply(&query, zone, &seen, true).unwrap();
            let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length, &*reply].concat()).unwrap();
        }
    });
    queries
}

fn reply(query: &[u8], zone: &[(&str, Services)], seen: &Queries, is_tcp: bool) -> Option<Vec<u8>> {
    let mut packet = Packet::parse(query).unwrap().into_reply();
    let question = packet.questions[0].clone();
    let QTYPE::TYPE(kind) = question.qtype else { panic!("{question:?}") };
    let name = question.qname.to_string().to_lowercase();
    seen.0.lock().unwrap().push((name.clone(), kind));
    let record = |data| ResourceRecord::new(question.qname.clone(), CLASS::IN, 60, data);
    match (kind, name.strip_prefix("_p2p-ci._tcp.")) {
        (TYPE::A, _) if name.ends_with(".example") => {
            packet.answers.push(record(RData::A(A::from(Ipv4Addr::LOCALHOST))));
        }
        (TYPE::AAAA, _) if name.ends_with(".example") => {}
        (TYPE::SRV, Some(host)) => {
            let services = zone.iter().find(|(name, _)| *name == host).map(|(_, found)| found);
            match services {
                None => *packet.rcode_mut() = RCODE::NameError,
                Some(Services::Silence) => return None,
                Some(Services::ByTcp(_)) if !is_tcp => packet.set_flags(PacketFlag::TRUNCATION),
                Some(Services::Of(services) | Services::ByTcp(services)) => {
                    for (priority, weight, port, target) in services {
                        let target = Name::new(target).unwrap();
                        let (priority, weight, port) = (*priority, *weight, *port);
                        let service = SRV { priority, weight, port, target };
                        packet.answers.push(record(RData::SRV(service)));
                    }
                }
            }
        }
        _ => *packet.rcode_mut() = RCODE::NameError,
    }
    Some(packet.build_bytes_vec().unwrap())
}
