//! Prometheus asks both programs, and promtool checks the alert rules; the rules and the dashboard in `contrib/`
//! name series that exist.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{exchange, get, index, sharing_peer};
#[cfg(any(feature = "cluster", feature = "dht"))]
use crate::common::Index;
#[cfg(any(feature = "cluster", feature = "dht"))]
use crate::common::operators::admin_address;
use crate::common::{PATIENCE, skip};
#[cfg(feature = "dht")]
use crate::common::{Program, peer};

/// Prometheus until the test is over.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        skip(&format!("there is no `{program}` (Debian's package `prometheus`)"));
    }
    found
}

fn contrib(name: &str) -> String {
    format!("{}/contrib/{name}", env!("CARGO_MANIFEST_DIR"))
}

impl Prometheus {
    /// Asks these programs several times a second.
    fn start(targets: &[SocketAddr], directory: &Path) -> Self {
        let targets: Vec<String> = targets.iter().map(|address| format!("'{address}'")).collect();
        let configuration = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms }}\n\
             scrape_configs:\n\
             - job_name: p2p-ci\n  static_configs: [{{ targets: [{}] }}]\n",
            targets.join(", ")
        );
        fs::write(directory.join("prometheus.yml"), configuration).unwrap();
        let mut child = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = Vec::new();
        let listening = log.by_ref().find_map(|line| {
            let is_it = line.contains("Listening on");
            let address = line.split("address=").nth(1).map(str::to_string);
            seen.push(line);
            address.filter(|_| is_it)
        });
        // Its log must not fill the pipe.
        thread::spawn(move || log.for_each(drop));
        let listening = listening.unwrap_or_else(|| panic!("{seen:#?}"));
        let address = listening.split_whitespace().next().unwrap().parse().unwrap();
        Self { child, address }
    }

    /// The results of a query: labels and values.
    fn query(&self, query: &str) -> Vec<Value> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let path = format!("/api/v1/query?query={query}");
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        let (_, body) = exchange(stream, &request);
        // Until it is ready, it replies with a line of text.
        let reply: Value = serde_json::from_str(&body).unwrap_or_default();
        reply["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until a query has this number of results.
    fn wait_for(&self, query: &str, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let found = self.query(query);
            if found.len() == count {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{query}: {found:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Takes six seconds: Prometheus applies its list of targets five seconds after its start.
#[test]
fn prometheus_asks_both_programs() {
    if !has("prometheus") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (index, server) = index();
    let shared = directory.path().join("shared");
    fs::create_dir(&shared).unwrap();
    let (peer, peer_admin, _) = sharing_peer(index.address, &shared);
    assert!(peer.line().starts_with("registered 1 document with "));
    let prometheus = Prometheus::start(&[server, peer_admin], directory.path());
    prometheus.wait_for("up==1", 2);
    prometheus.wait_for("p2p_ci_index_records==1", 1);
    prometheus.wait_for("p2p_ci_registered==1", 1);
    // The requests that have registered the document.
    let requests = "p2p_ci_requests_total%7Bmethod=%22ADD%22,status=%22200%22%7D%3E0";
    let found = prometheus.wait_for(requests, 1);
    assert_eq!(found[0]["metric"]["instance"], server.to_string());
    let bucket = "p2p_ci_request_duration_seconds_bucket%7Ble=%22%2BInf%22,method=%22ADD%22%7D%3E0";
    prometheus.wait_for(bucket, 1);
    prometheus.wait_for("p2p_ci_build_info", 2);
}

#[test]
fn the_alert_rules_are_correct() {
    if !has("promtool") {
        return;
    }
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let mut command = Command::new("promtool");
        let output = command.args(arguments).current_dir(contrib("prometheus")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("SUCCESS"), "{text}");
    }
    let mut command = Command::new("promtool");
    let configuration = contrib("prometheus/prometheus.yml");
    assert!(command.args(["check", "config", &configuration]).output().unwrap().status.success());
}

/// The names of our series in a text.
fn series(text: &str) -> BTreeSet<String> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character| !is_part(character));
    words
        .filter(|word| word.starts_with("p2p_ci_") || word.starts_with("process_"))
        .map(str::to_string)
        .collect()
}

/// The metrics of a server of a cluster whose store does not exist.
#[cfg(feature = "cluster")]
fn member(directory: &Path) -> (Index, String) {
    let store = format!("redis+unix://{}", directory.join("store").display());
    let index = Index::start(&["--cluster", &store, "--admin", "127.0.0.1:0"]);
    let metrics = get(admin_address(&index.program), "/metrics").1;
    (index, metrics)
}

/// A build without clusters has no such metrics: the names are those of the dashboard.
#[cfg(not(feature = "cluster"))]
fn member(_: &Path) -> ((), String) {
    let named = series(&fs::read_to_string(contrib("grafana/p2p-ci.json")).unwrap()).into_iter();
    let of_cluster = named.filter(|name| name.starts_with("p2p_ci_cluster_"));
    ((), of_cluster.map(|name| name + " ").collect())
}

/// The metrics of a peer with a node of a hash table. Its bootstrap node is that of its index server, on loopback.
#[cfg(feature = "dht")]
fn node(directory: &Path) -> ((Index, Program), String) {
    let server = Index::start(&["--dht"]);
    let options =
        ["--dht", "--upload", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--share", ".", "share"];
    let program = peer(server.address, &options, directory);
    assert!(program.line().starts_with("uploading from "));
    let metrics = get(admin_address(&program), "/metrics").1;
    ((server, program), metrics)
}

/// A build without the table has no such metrics.
#[cfg(not(feature = "dht"))]
fn node(_: &Path) -> ((), String) {
    let names = ["nodes", "keys", "stored_keys", "requests_total", "refusals_total"];
    ((), names.map(|name| format!("p2p_ci_table_{name} ")).concat())
}

#[test]
fn rules_dashboard_and_manual_name_series_that_exist() {
    let directory = tempfile::tempdir().unwrap();
    let (index, server) = index();
    let (_peer, peer, _) = sharing_peer(index.address, directory.path());
    let (_member, of_cluster) = member(directory.path());
    let (_node, of_table) = node(directory.path());
    let shown = [get(server, "/metrics").1, get(peer, "/metrics").1, of_cluster, of_table].concat();
    let shown = series(&shown);
    let dashboard = fs::read_to_string(contrib("grafana/p2p-ci.json")).unwrap();
    let parsed: Value = serde_json::from_str(&dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 10);
    for text in [dashboard, fs::read_to_string(contrib("prometheus/alerts.yml")).unwrap()] {
        let named = series(&text);
        assert!(named.len() > 5);
        assert_eq!(named.difference(&shown).collect::<Vec<_>>(), Vec::<&String>::new());
    }
    // The manual has the names without their common beginning.
    let manual = fs::read_to_string(contrib("../docs/operating.md")).unwrap();
    let (_, tables) = manual.split_once("### What is measured").unwrap();
    let tables = tables.split("\n## ").next().unwrap();
    let rows = tables.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let names: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(names.len() > 15);
    for name in names {
        let name = format!("p2p_ci_{}", name.split('{').next().unwrap());
        assert!(shown.iter().any(|one| one.starts_with(&name)), "{name}");
    }
}
