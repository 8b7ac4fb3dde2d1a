//! A master that fails: another one takes its place, by Sentinel or in a Redis Cluster.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cluster::{add, server, wait_for};
use crate::common::{PATIENCE, skip};

/// Slots of a Redis Cluster.
const SLOTS: usize = 16_384;

/// A Redis server at a TCP port, or a Sentinel.
struct Node {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl Node {
    /// Starts one; `None` if it is not installed. Its configuration is a file, which a Sentinel changes.
    fn start(port: u16, configuration: &str, arguments: &[&str]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let common = format!("port {port}\nbind 127.0.0.1\nprotected-mode no\n");
        std::fs::write(directory.path().join("conf"), common + configuration).unwrap();
        let mut command = Command::new("redis-server");
        command.arg("conf").args(arguments).current_dir(&directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            skip("redis-server is not installed");
            return None;
        };
        let node = Self { child, port, _directory: directory };
        node.wait_for(&["PING"], "PONG");
        Some(node)
    }

    /// A server that keeps nothing on disk.
    fn store(port: u16, more: &str) -> Option<Self> {
        let quick = "repl-diskless-sync yes\nrepl-diskless-sync-delay 0\n";
        Self::start(port, &format!("save \"\"\nappendonly no\n{quick}{more}"), &[])
    }

    /// Sends a command, and returns the beginning of the reply; nothing if it has none.
    fn command(&self, words: &[&str]) -> String {
        let mut reply = vec![0; 64 * 1024];
        let asked = TcpStream::connect(self.address()).and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all((words.join(" ") + "\r\n").as_bytes())?;
            stream.read(&mut reply)
        });
        String::from_utf8_lossy(&reply[..asked.unwrap_or(0)]).into_owned()
    }

    /// Repeats a command until its reply contains this.
    fn wait_for(&self, words: &[&str], expected: &str) {
        let begun = Instant::now();
        loop {
            let reply = self.command(words);
            if reply.contains(expected) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{words:?} at {}: {reply}", self.port);
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn must(&self, words: &[&str]) {
        let reply = self.command(words);
        assert_eq!(reply, "+OK\r\n", "{words:?}");
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that is free, and that the system chooses for nobody.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let first = 12_000 + u16::try_from(std::process::id() % 9_000).unwrap() * 2;
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Two servers have all records after the master has failed, also those that were added meanwhile, and so has
/// a server that joins later.
fn check_failover(url: &str, fail: impl FnOnce()) {
    let (a, b) = (server(url), server(url));
    let mut talk = add(&a, 1, 1);
    let _two = add(&b, 2, 2);
    let all = ["RFC 1 T 127.0.0.1 1", "RFC 2 T 127.0.0.1 2"];
    wait_for(&a, &all);
    wait_for(&b, &all);
    fail();
    talk.add(3, "T", "127.0.0.1", 1);
    let all = [&all[..], &["RFC 3 T 127.0.0.1 1"]].concat();
    wait_for(&b, &all);
    wait_for(&a, &all);
    for index in [&a, &b] {
        index.program.error_with("the store can be used again");
    }
    wait_for(&server(url), &all);
}

#[test]
fn sentinel_replaces_a_master_that_is_killed() {
    let (master_port, replica_port, sentinel_port) = (free_port(), free_port(), free_port());
    let Some(mut master) = Node::store(master_port, "") else { return };
    let replica = Node::store(replica_port, &format!("replicaof 127.0.0.1 {master_port}\n"));
    let replica = replica.unwrap();
    replica.wait_for(&["INFO", "replication"], "master_link_status:up");
    let configuration = format!(
        "sentinel monitor main 127.0.0.1 {master_port} 1\n\
         sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 4000\n"
    );
    let sentinel = Node::start(sentinel_port, &configuration, &["--sentinel"]).unwrap();
    // Until it knows the replica, it cannot choose it.
    sentinel.wait_for(&["SENTINEL", "MASTER", "main"], "num-slaves\r\n$1\r\n1");
    let known = format!("127.0.0.1:{replica_port}");
    sentinel.wait_for(&["SENTINEL", "REPLICAS", "main"], &known);
    let url = format!("redis+sentinel://{}/main", sentinel.address());
    check_failover(&url, || master.kill());
    assert!(replica.command(&["ROLE"]).contains("master"));
}

#[test]
fn a_replica_replaces_the_master_of_a_redis_cluster_that_is_killed() {
    let ports: Vec<(u16, u16)> = (0..4).map(|_| (free_port(), free_port())).collect();
    let mut nodes = Vec::new();
    for &(port, bus) in &ports {
        let configuration = format!(
            "cluster-enabled yes\ncluster-config-file nodes\ncluster-port {bus}\n\
             cluster-node-timeout 2000\ncluster-replica-validity-factor 0\n"
        );
        let Some(node) = Node::store(port, &configuration) else { return };
        nodes.push(node);
    }
    // Three masters, who elect the replica.
    for (number, node) in nodes.iter().enumerate() {
        node.must(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        if number < 3 {
            let (first, last) = (number * SLOTS / 3, (number + 1) * SLOTS / 3 - 1);
            node.must(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
        }
    }
    for (port, bus) in &ports[1..] {
        nodes[0].must(&["CLUSTER", "MEET", "127.0.0.1", &port.to_string(), &bus.to_string()]);
    }
    for node in &nodes {
        node.wait_for(&["CLUSTER", "INFO"], "cluster_known_nodes:4");
        node.wait_for(&["CLUSTER", "INFO"], "cluster_state:ok");
    }
    let slot = nodes[0].command(&["CLUSTER", "KEYSLOT", "{p2pci}:changes"]);
    let slot: usize = slot.trim().trim_start_matches(':').parse().unwrap();
    let master = slot * 3 / SLOTS;
    let id = nodes[master].command(&["CLUSTER", "MYID"]);
    let id = id.split("\r\n").nth(1).unwrap();
    nodes[3].must(&["CLUSTER", "REPLICATE", id]);
    nodes[3].wait_for(&["INFO", "replication"], "master_link_status:up");
    for node in &nodes {
        node.wait_for(&["CLUSTER", "NODES"], &format!("slave {id}"));
    }
    let addresses: Vec<String> = nodes.iter().map(|node| node.address().to_string()).collect();
    let url = format!("redis+cluster://{}", addresses.join(","));
    check_failover(&url, || nodes[master].kill());
    assert!(nodes[3].command(&["ROLE"]).contains("master"));
}
