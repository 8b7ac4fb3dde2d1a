//! A node of the distributed hash table that announces itself for everything (docs/dht.md), in a network namespace in
//! which every address of loopback is this machine's.

use std::io;

use crate::attack::Setting;
use crate::attack::namespace::{is_inside, run_inside};
use crate::attack::report::Report;

const SCRIPT: &str = "ip link set lo up && exec \"$@\"";

pub(super) fn table(setting: &Setting, report: &mut Report) -> io::Result<()> {
    match is_inside() {
        #[cfg(feature = "dht")]
        true => poisoned::run(setting, report),
        #[cfg(not(feature = "dht"))]
        true => Ok(()),
        false if cfg!(feature = "dht") => run_inside("table", SCRIPT, setting, report),
        false => {
            report.skip("this build has no distributed hash table: build it with --features dht");
            Ok(())
        }
    }
}

#[cfg(feature = "dht")]
mod poisoned {
    use std::io::{self, Read};
    use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::{Duration, Instant};
    use std::{fs, thread};

    use p2p_ci::dht::{Bootstrap, Key, Node, NodeConfig, Role};
    use p2p_ci::limits;
    use p2p_ci::protocol::Document;

    use crate::attack::Setting;
    use crate::attack::report::Report;
    use crate::common::programs::{Index, Program, peer_command};

    /// Nothing listens here.
    const NO_INDEX: &str = "127.0.0.1:9";
    const MIB: f64 = 1024.0 * 1024.0;
    /// Addresses in a reply: as many as a datagram has room for.
    const ADDRESSES: u32 = 200;
    const CONTENT: &[u8] = b"TRANSMISSION CONTROL PROTOCOL";

    /// The attacker: its own address, and where its bogus endpoints lead.
    const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 1);

    /// What the bogus endpoints see.
    #[derive(Default)]
    struct Seen {
        connections: AtomicUsize,
        open: AtomicUsize,
        most_open: AtomicUsize,
        queries: AtomicUsize,
        flooded: AtomicUsize,
        is_ended: AtomicBool,
    }

    pub(super) fn run(setting: &Setting, report: &mut Report) -> io::Result<()> {
        let root = tempfile::tempdir()?;
        let (shared, mine) = (root.path().join("shared"), root.path().join("mine"));
        fs::create_dir(&shared)?;
        fs::create_dir(&mine)?;
        fs::write(shared.join("rfc793.txt"), CONTENT)?;
        let mut server = Index::with(&["--log", "quiet", "--dht"])?;
        let table: SocketAddrV4 = server.address.to_string().parse().map_err(io::Error::other)?;
        let holders =
            ["127.8.0.1:0", "127.8.0.2:0", "127.8.0.3:0"].map(|at| share(&shared, table, at));
        let holders: Vec<Program> = holders.into_iter().collect::<io::Result<_>>()?;
        // Before the attack.
        let (time, _) = get_until(&mine, table)?;
        report.figure("without an attacker, the document is here after", time.as_secs_f64(), "s");
        let before = server.program()?.usage()?.memory;
        let seen = Arc::new(Seen::default());
        let attacker = attack(table, &seen, setting.size(16, 4))?;
        let stored = announce(&attacker, setting.size(200, 40));
        report.figure("announcements of the attacker that were stored", stored as f64, "");
        let mut times = Vec::new();
        for _ in 0..setting.size(10, 3) {
            fs::remove_file(mine.join("rfc793.txt"))?;
            let already = seen.connections.load(Ordering::SeqCst);
            let (time, memory) = get(&mine, table)?;
            let is_right = fs::read(mine.join("rfc793.txt")).is_ok_and(|bytes| bytes == CONTENT);
            report.require("the document is that of an honest holder", is_right);
            let connections = seen.connections.load(Ordering::SeqCst) - already;
            times.push((time, connections, memory));
            if !is_right {
                fs::write(mine.join("rfc793.txt"), b"")?;
            }
        }
        seen.is_ended.store(true, Ordering::SeqCst);
        let slowest = times.iter().map(|(time, ..)| *time).max().unwrap_or_default();
        let most = times.iter().map(|(_, connections, _)| *connections).max().unwrap_or_default();
        let memory = times.iter().map(|(.., memory)| *memory).max().unwrap_or_default();
        let grown = server.program()?.usage()?.memory.saturating_sub(before);
        let of_holders = holders.iter().filter_map(|holder| holder.usage().ok());
        let of_holders = of_holders.map(|usage| usage.memory).max().unwrap_or_default();
        let open = seen.most_open.load(Ordering::SeqCst);
        report.figure("queries that the attacker has received", count(&seen.queries), "");
        report.figure("queries that it has sent", count(&seen.flooded), "");
        report.figure("the slowest `get`", slowest.as_secs_f64(), "s");
        report.figure("connections of a `get` to bogus endpoints, at most", most as f64, "");
        report.figure("of which at the same time", open as f64, "");
        report.figure("memory of a `get`, at most", memory as f64 / MIB, "MiB");
        report.figure("growth of the memory of the bootstrap node", grown as f64 / MIB, "MiB");
        report.figure("memory of a holder, at most", of_holders as f64 / MIB, "MiB");
        report.require("the attacker was asked", seen.queries.load(Ordering::SeqCst) > 0);
        report.require("it was believed: bogus endpoints were connected to", most > 0);
        report.require(
            "a `get` connects to no more endpoints than a query returns",
            most <= limits::Dht::DEFAULT.holders,
        );
        report.require("the memory is bounded", grown < 64 << 20 && memory < 128 << 20);
        report.require("the memory of the holders is bounded", of_holders < 128 << 20);
        report.require_time("in time", slowest < Duration::from_secs(setting.size(60, 30)));
        Ok(())
    }

    fn count(number: &AtomicUsize) -> f64 {
        number.load(Ordering::SeqCst) as f64
    }

    fn options(table: SocketAddrV4) -> [String; 3] {
        ["--dht".into(), "--bootstrap".into(), table.to_string()]
    }

    /// An honest holder.
    fn share(directory: &Path, table: SocketAddrV4, upload: &str) -> io::Result<Program> {
        let mut command = peer_command(NO_INDEX, directory, &["--upload", upload])?;
        command.args(options(table)).arg("share");
        let mut program = Program::start(command)?;
        program.line()?;
        Ok(program)
    }

    /// Downloads the document: how long it took, and the most memory that was seen.
    fn get(directory: &Path, table: SocketAddrV4) -> io::Result<(Duration, u64)> {
        let mut command = peer_command(NO_INDEX, directory, &["get", "793"])?;
        command.args(options(table));
        // Nothing is known of the holders.
        let state = tempfile::tempdir()?;
        command.env("XDG_STATE_HOME", state.path()).env("XDG_CACHE_HOME", state.path());
        let begun = Instant::now();
        let mut program = Program::start(command)?;
        let mut most = 0;
        // A process that has ended has no memory.
        while let Ok(usage) = program.usage()
            && usage.memory > 0
        {
            most = most.max(usage.memory);
            thread::sleep(Duration::from_millis(5));
            if begun.elapsed() > Duration::from_secs(120) {
                return Err(io::Error::other("`get` does not end"));
            }
        }
        program.wait()?;
        Ok((begun.elapsed(), most))
    }

    /// Downloads the document as soon as it is announced.
    fn get_until(directory: &Path, table: SocketAddrV4) -> io::Result<(Duration, u64)> {
        let begun = Instant::now();
        loop {
            let got = get(directory, table)?;
            if directory.join("rfc793.txt").exists() {
                return Ok(got);
            }
            if begun.elapsed() > Duration::from_secs(60) {
                return Err(io::Error::other("the document is not announced"));
            }
        }
    }

    /// Starts the attacker: sockets that reply to every query with bogus endpoints, one that floods, and the listener to
    /// which the bogus endpoints lead. Returns a node that keeps to the rules, with which it announces itself.
    fn attack(table: SocketAddrV4, seen: &Arc<Seen>, sockets: u8) -> io::Result<Node> {
        let trap = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let port = trap.local_addr()?.port();
        let counted = Arc::clone(seen);
        thread::spawn(move || {
            for mut stream in trap.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&counted);
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
                seen.most_open.fetch_max(open, Ordering::SeqCst);
                thread::spawn(move || {
                    // It never replies.
                    let _ = stream.read_to_end(&mut Vec::new());
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        for number in 1..=sockets {
            let socket = UdpSocket::bind((ATTACKER, 0))?;
            socket.set_read_timeout(Some(Duration::from_millis(200)))?;
            let seen = Arc::clone(seen);
            thread::spawn(move || reply_falsely(&socket, table, number, port, &seen));
        }
        let socket = UdpSocket::bind((ATTACKER, 0))?;
        let flooding = Arc::clone(seen);
        thread::spawn(move || flood(&socket, table, &flooding));
        let (listen, bootstrap) = (SocketAddrV4::new(ATTACKER, 0), Bootstrap::Nodes(vec![table]));
        Node::start(NodeConfig { listen, bootstrap, role: Role::Member })
    }

    /// Announces the attacker for the document and its bucket, with many ports. Returns how many were confirmed.
    fn announce(attacker: &Node, ports: u16) -> usize {
        let Ok(number) = "793".parse() else { return 0 };
        let document = Document::Rfc(number);
        let keys = [Key::of(&document), Key::of_bucket(&document)];
        let announce =
            |port: &u16| keys.iter().filter(|key| attacker.announce(**key, *port).is_ok()).count();
        let begun = Instant::now();
        let is_early = |_: &u16| begun.elapsed() < Duration::from_secs(20);
        (2000..2000 + ports).take_while(is_early).map(|port| announce(&port)).sum()
    }

    /// A query of this kind for an identifier.
    fn query(own: &[u8; 20], kind: &str, name: &str, target: &[u8; 20]) -> Vec<u8> {
        let beginning = format!("{}:{name}20:", name.len());
        let end = format!("e1:q{}:{kind}1:t4:fake1:y1:qe", kind.len());
        [b"d1:ad2:id20:", &own[..], beginning.as_bytes(), target, end.as_bytes()].concat()
    }

    /// Replies to every query with false addresses, and has the table remember it.
    fn reply_falsely(socket: &UdpSocket, table: SocketAddrV4, number: u8, port: u16, seen: &Seen) {
        let own = [number.wrapping_mul(31); 20];
        let find_node = query(&own, "find_node", "target", &own);
        let _ = socket.send_to(&find_node, table);
        let mut buffer = [0; 2048];
        let mut next = u32::from(number) << 16;
        while !seen.is_ended.load(Ordering::SeqCst) {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            let message = &buffer[..length];
            let Some(at) = message.windows(5).position(|part| part == b"1:t4:") else { continue };
            if !message.windows(6).any(|part| part == b"1:y1:q") {
                continue;
            }
            let Some(transaction) = buffer.get(at + 5..at + 9) else { continue };
            seen.queries.fetch_add(1, Ordering::SeqCst);
            let values: Vec<u8> = (0..ADDRESSES).flat_map(|n| bogus(next + n, port)).collect();
            next = next.wrapping_add(ADDRESSES);
            let reply = [
                &b"d1:rd2:id20:"[..],
                &own,
                b"5:nodes0:5:token1:x6:valuesl",
                &values,
                b"ee1:t4:",
                transaction,
                b"1:y1:re",
            ]
            .concat();
            let _ = socket.send_to(&reply, from);
            let _ = socket.send_to(&find_node, from);
        }
    }

    /// An address for a reply: the attacker itself with the same port again and again, machines of this network, none at
    /// all, port 0, and many that lead to the trap.
    fn bogus(number: u32, port: u16) -> Vec<u8> {
        let [_, _, high, low] = number.to_be_bytes();
        let (address, port) = match number % 8 {
            0 => (ATTACKER, port),
            1 => (Ipv4Addr::new(10, 0, high, low), port),
            2 => (Ipv4Addr::new(0, 0, high, low), port),
            3 => (Ipv4Addr::new(239, 1, high, low), port),
            4 => (Ipv4Addr::new(127, 67, high, low), 0),
            _ => (Ipv4Addr::new(127, 67, high, low), port),
        };
        [&b"6:"[..], &address.octets(), &port.to_be_bytes()].concat()
    }

    /// Asks the bootstrap node for holders of random keys, without end.
    fn flood(socket: &UdpSocket, table: SocketAddrV4, seen: &Seen) {
        let mut target = [0; 20];
        let own = [7; 20];
        let _ = socket.set_nonblocking(true);
        for number in 0u64.. {
            if seen.is_ended.load(Ordering::SeqCst) {
                return;
            }
            target[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            let query = query(&own, "get_peers", "info_hash", &target);
            if socket.send_to(&query, SocketAddr::V4(table)).is_ok() {
                seen.flooded.fetch_add(1, Ordering::SeqCst);
            }
            // About 5,000 a second: the attacker must not take the processor of the others.
            if number % 10 == 0 {
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}
