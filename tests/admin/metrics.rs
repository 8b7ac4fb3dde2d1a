//! What `/metrics` shows.

use std::net::SocketAddr;
use std::time::Instant;

use super::{get, index, sharing_peer, value};
use crate::common::{PATIENCE, Talk};

fn metrics(address: SocketAddr) -> String {
    let (head, body) = get(address, "/metrics");
    let kind = "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == kind), "{head}");
    assert!(body.ends_with("\n# EOF\n"), "{body}");
    body
}

#[test]
fn an_index_server_counts_what_it_does() {
    let (index, admin) = index();
    let mut talk = index.connect();
    talk.add(1, "T", "h", 1);
    talk.add(2, "U", "h", 1);
    talk.say("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: T\r\n\r\n");
    talk.reply();
    talk.say("LOOKUP RFC 9 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: T\r\n\r\n");
    talk.reply();
    talk.say("nonsense\r\n\r\n");
    talk.reply();
    // Replies are counted before they are sent.
    let text = metrics(admin);
    for (series, expected) in [
        ("p2p_ci_peers", 1.0),
        ("p2p_ci_index_records", 2.0),
        ("p2p_ci_requests_total{method=\"ADD\",status=\"200\"}", 2.0),
        ("p2p_ci_requests_total{method=\"LOOKUP\",status=\"200\"}", 1.0),
        ("p2p_ci_requests_total{method=\"LOOKUP\",status=\"404\"}", 1.0),
        ("p2p_ci_requests_total{method=\"LIST\",status=\"200\"}", 0.0),
        ("p2p_ci_requests_total{method=\"other\",status=\"400\"}", 1.0),
        ("p2p_ci_request_duration_seconds_count{method=\"ADD\"}", 2.0),
        ("p2p_ci_request_duration_seconds_bucket{le=\"+Inf\",method=\"ADD\"}", 2.0),
        ("p2p_ci_refusals_total{cause=\"not_found\"}", 1.0),
        ("p2p_ci_refusals_total{cause=\"grammar\"}", 1.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series}: {text}");
    }
    for series in [
        "p2p_ci_received_bytes_total",
        "p2p_ci_sent_bytes_total",
        "p2p_ci_index_memory_bytes{part=\"records\"}",
        "p2p_ci_peers_limit",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(value(&text, series) > 0.0, "{series}: {text}");
    }
    let gauges = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let of_records: Vec<&str> =
        gauges.filter(|line| line.ends_with(" gauge") && line.contains("records")).collect();
    assert_eq!(of_records, ["p2p_ci_index_records gauge"]);
    drop(talk);
    let begun = Instant::now();
    while value(&metrics(admin), "p2p_ci_index_records") > 0.0 {
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[test]
fn a_peer_counts_its_uploads() {
    let directory = tempfile::tempdir().unwrap();
    let (index, _) = index();
    let (peer, admin, uploads) = sharing_peer(index.address, directory.path());
    assert!(peer.line().starts_with("registered 1 document with "));
    for (number, end) in [(1, "\r\n\r\none"), (2, "\r\n\r\n")] {
        let mut talk = Talk::to(uploads);
        talk.say(format!("GET RFC {number} P2P-CI/1.0\r\nHost: h\r\n\r\n"));
        assert!(String::from_utf8(talk.rest()).unwrap().ends_with(end));
    }
    // The bytes are counted after they were sent.
    let begun = Instant::now();
    while value(&metrics(admin), "p2p_ci_uploads_total") < 1.0 {
        assert!(begun.elapsed() < PATIENCE);
    }
    let text = metrics(admin);
    for (series, expected) in [
        ("p2p_ci_shared_documents", 1.0),
        ("p2p_ci_registered", 1.0),
        ("p2p_ci_registered_records", 1.0),
        ("p2p_ci_uploaded_bytes_total", 3.0),
        ("p2p_ci_requests_total{method=\"GET\",status=\"200\"}", 1.0),
        ("p2p_ci_requests_total{method=\"GET\",status=\"404\"}", 1.0),
        ("p2p_ci_request_duration_seconds_count{method=\"GET\"}", 2.0),
        ("p2p_ci_downloads_total{result=\"complete\"}", 0.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series}: {text}");
    }
}
