//! Limits at the ends of their ranges: nothing overflows, whatever a program sets.

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::*;
use crate::library;
use crate::peer::{Peer, Sharing, SharingOptions};
use crate::protocol::Document;
use crate::server;
use crate::upload;

const LONG: Duration = Duration::MAX;

const READ_RATE: ReadRate = ReadRate { bytes: u64::MAX, time: LONG };

const CONNECTING: Connecting = Connecting {
    connect: LONG,
    resolve: LONG,
    stagger: LONG,
    addresses: usize::MAX,
    addresses_kept: LONG,
};

const ADMISSION: Admission = Admission {
    per_network: usize::MAX,
    silent_time: LONG,
    evicted: usize::MAX,
    offences: f64::MAX,
    offences_max: f64::MAX,
    offences_forgotten: f64::MAX,
    linger: LONG,
};

/// Every limit at its maximum, except silences that a peer waits for in full.
const MOST: Limits = Limits {
    server: Server {
        connections: usize::MAX,
        admission: ADMISSION,
        head_deadline: LONG,
        read_rate: READ_RATE,
        consecutive_faults: u32::MAX,
        records_per_connection: usize::MAX,
        records: usize::MAX,
        resolve: LONG,
        host_resolutions: usize::MAX,
        network_resolutions: f64::MAX,
        network_resolution_rate: f64::MAX,
    },
    uploads: Uploads {
        uploads: usize::MAX,
        admission: ADMISSION,
        head_deadline: LONG,
        kept_open: LONG,
        read_rate: READ_RATE,
        slot_wait: LONG,
        digest_at_once: u64::MAX,
        hand_over_stall: LONG,
        hand_over_end: LONG,
        grace: LONG,
    },
    index_client: IndexClient {
        connecting: CONNECTING,
        reply: LONG,
        rate: READ_RATE,
        first_reply: LONG,
        registration_first_reply: LONG,
        form_trial: LONG,
        form_trial_answered: LONG,
        search: LONG,
        plain_lookup: LONG,
        reply_after_greeting: LONG,
        // These are waited for in full.
        close_after_reply: IndexClient::DEFAULT.close_after_reply,
        refusal_rest: IndexClient::DEFAULT.refusal_rest,
        reply_rest: IndexClient::DEFAULT.reply_rest,
        probe_reply: LONG,
        registration_probe: LONG,
        not_read: LONG,
        end_by_silence: LONG,
        end_by_silence_in_grammar: LONG,
        known_silence: LONG,
        lookup: LONG,
        holders: usize::MAX,
        lookup_list: usize::MAX,
    },
    registration: Registration {
        reconnect: LONG,
        reconnect_max: LONG,
        reconnect_full_max: LONG,
        lasting_connection: LONG,
        retry_full: LONG,
        retry_full_max: LONG,
        digests_wait: LONG,
        digests_waited_for: u64::MAX,
        keep_alive: LONG,
        fail_over: LONG,
        replaced_connections: usize::MAX,
    },
    downloads: Downloads {
        connecting: CONNECTING,
        first_byte: LONG,
        first_byte_unproven: LONG,
        first_byte_of_form: LONG,
        beginning: u64::MAX,
        beginning_max: u64::MAX,
        beginning_rate: u64::MAX,
        holder_stagger: LONG,
        holders_asked: usize::MAX,
        trials: usize::MAX,
        late_trials: usize::MAX,
        name_trials: usize::MAX,
        lookup_slow: LONG,
        lookups_unanswered: u32::MAX,
        lookup_pause: LONG,
        silent: LONG,
        stopped_after: LONG,
        proven_again: u32::MAX,
        tries: u32::MAX,
        retry: LONG,
        retry_max: LONG,
        min_rate: u64::MAX,
        min_rate_time: LONG,
        min_rate_time_with_others: LONG,
        rate_with_others: u64::MAX,
        least_patience: LONG,
        slow_rate: u64::MAX,
        budget_unproven: u64::MAX,
        slow_after: LONG,
        document_time: LONG,
        fruitless_after: LONG,
        least_turn: LONG,
        long_after: LONG,
        reserved_workers: usize::MAX,
        in_use: LONG,
        no_holders: LONG,
        no_holders_max: LONG,
        document_length: u64::MAX,
        unannounced_length: u64::MAX,
        segmented: u64::MAX,
    },
    library: Library {
        quiet_time: LONG,
        rescan_delay: LONG,
        scan_pause_max: LONG,
        rescan_interval: LONG,
        rescan_interval_unwatched: LONG,
    },
};

/// A server, uploads and downloads with these limits.
fn share_and_download(limits: &Limits) {
    let directory = tempfile::tempdir().unwrap();
    let small = "TRANSMISSION CONTROL PROTOCOL\n";
    fs::write(directory.path().join("rfc793.txt"), small).unwrap();
    let large = vec![b'x'; 300_000];
    fs::write(directory.path().join("rfc1.txt"), &large).unwrap();

    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let config = server::Config { listen, limits: limits.server, ..server::Config::default() };
    let server = server::Server::bind(&config).unwrap();
    let index: crate::protocol::Endpoint =
        server.addresses().unwrap()[0].to_string().parse().unwrap();
    let stop = server.stop();
    let running = thread::spawn(move || server.run());

    let library = library::Library::scan(directory.path(), library::Depth::Directory).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = SharingOptions {
        uploads: upload::Uploads { limits: limits.uploads, ..upload::Uploads::default() },
        index_client: limits.index_client,
        scans: limits.library,
        registration: limits.registration,
        ..SharingOptions::default()
    };
    let sharing = Sharing::start(library, listener, index.clone(), options, |_| {}).unwrap();
    sharing.wait_until_registered().unwrap();

    let peer = Peer::with_limits(index, limits);
    let rfc = |number: &str| Document::Rfc(number.parse().unwrap());
    for (number, bytes) in [("793", small.as_bytes()), ("1", &large)] {
        let target = directory.path().join(format!("{number}.copy"));
        peer.download(&rfc(number), &target, None, |_, _| {}).unwrap();
        assert!(fs::read(target).unwrap() == bytes, "RFC {number}");
    }
    assert!(peer.find(&rfc("2")).unwrap().is_empty());
    assert!(peer.download(&rfc("2"), &directory.path().join("2.copy"), None, |_, _| {}).is_err());
    drop(peer);
    drop(sharing);
    stop.stop();
    running.join().unwrap().unwrap();
}

#[test]
fn programs_run_with_every_limit_at_its_maximum() {
    share_and_download(&MOST);
}

#[test]
fn programs_run_with_the_defaults() {
    share_and_download(&Limits::default());
}
