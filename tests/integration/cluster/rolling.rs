//! A rolling restart of three servers under load, with a checker that compares every reply with a model of what
//! each connection has added and removed, and when.
//!
//! `P2P_CI_TEST_RECORDS` sets the number of records (1,000,000 for a long run, in a release build).

mod client;
mod model;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use client::Client;
use model::{End, Model, Server};

use crate::cluster::server;
use crate::cluster::store::Store;
use crate::common::{Index, PATIENCE};

const SERVERS: usize = 3;
/// Records that a peer adds in one write.
const TOGETHER: usize = 100;
/// Time between two restarts.
const APART: Duration = Duration::from_secs(3);

fn records() -> usize {
    let number = std::env::var("P2P_CI_TEST_RECORDS").ok();
    number.map_or(20_000, |number| number.parse().unwrap())
}

/// A connection may add 40,000 records.
fn peers() -> usize {
    (records() / 20_000).clamp(10, 50)
}

/// What the threads share.
struct Trial {
    model: Model,
    servers: RwLock<Vec<Arc<Server>>>,
    is_over: AtomicBool,
}

impl Trial {
    fn server(&self, slot: usize) -> Arc<Server> {
        Arc::clone(&self.servers.read().unwrap()[slot % SERVERS])
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

#[test]
fn no_reply_is_wrong_during_a_rolling_restart() {
    let Some(store) = Store::start(&["--maxmemory", "4gb"]) else { return };
    let url = store.url();
    let mut indexes: Vec<Index> = (0..SERVERS).map(|_| server(&url)).collect();
    let servers = indexes.iter().map(|index| Arc::new(Server::new(index.address))).collect();
    let model = Model::new(peers(), records() / peers());
    let trial = Trial { model, servers: RwLock::new(servers), is_over: AtomicBool::new(false) };
    let trial = &trial;
    thread::scope(|scope| {
        let peers: Vec<_> =
            (0..peers()).map(|number| scope.spawn(move || share(trial, number))).collect();
        let readers: Vec<_> =
            (0..SERVERS).map(|slot| scope.spawn(move || read(trial, slot))).collect();
        trial.model.wait_until_complete(PATIENCE * 6);
        // The last one is killed: its lease ends later than itself.
        for (slot, signal) in ["TERM", "TERM", "KILL"].into_iter().enumerate() {
            thread::sleep(APART);
            trial.server(slot).goes_down();
            indexes[slot].program.signal(signal);
            indexes[slot].program.wait();
            thread::sleep(Duration::from_millis(500));
            indexes[slot] = server(&url);
            let new = Arc::new(Server::new(indexes[slot].address));
            trial.servers.write().unwrap()[slot] = new;
        }
        thread::sleep(APART);
        trial.is_over.store(true, Ordering::SeqCst);
        let checked: usize = readers.into_iter().map(|one| one.join().unwrap()).sum();
        // Connections whose peers still have records, until the last comparison.
        let connections: Vec<Client> = peers.into_iter().map(|one| one.join().unwrap()).collect();
        wait_until_settled(trial);
        drop(connections);
        let violations = trial.model.violations();
        assert!(violations.is_empty(), "{} wrong:\n{}", violations.len(), violations.join("\n"));
        assert!(checked > 100, "{checked} replies were compared");
        assert!(trial.model.losses() >= 3, "no connection was lost");
    });
}

/// A peer: registers all its documents, and registers again when its connection is lost. Meanwhile it removes
/// and adds some. Returns its last connection.
fn share(trial: &Trial, number: usize) -> Client {
    let mut slot = number;
    loop {
        let server = trial.server(slot);
        slot += 1;
        let Ok(mut client) = Client::connect(server.address) else {
            assert!(!trial.is_over(), "the peer {number} finds no server");
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        match serve(trial, number, &mut client, &server) {
            Ok(()) => return client,
            Err(_) => trial.model.lost(number),
        }
    }
}

fn serve(
    trial: &Trial,
    number: usize,
    client: &mut Client,
    server: &Arc<Server>,
) -> std::io::Result<()> {
    let model = &trial.model;
    let documents: Vec<usize> = (0..model.documents()).collect();
    for part in documents.chunks(TOGETHER) {
        part.iter().for_each(|&document| model.adding(number, document, server));
        client.add(part, number)?;
        part.iter().for_each(|&document| model.added(number, document));
    }
    let mut next = number * 7919;
    while !trial.is_over() {
        next += 104_729;
        let document = next % model.documents();
        model.removing(number, document);
        client.remove(document, number)?;
        model.ended(number, document, End::Removed);
        model.adding(number, document, server);
        client.add(&[document], number)?;
        model.added(number, document);
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Asks a server, and compares each reply with the model. Returns the number of replies.
fn read(trial: &Trial, slot: usize) -> usize {
    let (mut checked, mut next) = (0, slot);
    while !trial.is_over() {
        let server = trial.server(slot);
        let Ok(mut client) = Client::connect(server.address) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        while !trial.is_over() {
            next += 15_485_863;
            let document = next % trial.model.documents();
            let begun = Instant::now();
            // A list of everything now and then.
            let asked = match checked % 500 {
                499 => client.list().map(|found| (None, found)),
                _ => client.look_up(document).map(|found| (Some(document), found)),
            };
            let Ok((document, found)) = asked else { break };
            trial.model.check(slot, document, &found, begun, Instant::now());
            checked += 1;
            thread::sleep(Duration::from_millis(2));
        }
    }
    checked
}

/// At the end all servers list exactly what the peers have.
fn wait_until_settled(trial: &Trial) {
    for slot in 0..SERVERS {
        let mut client = Client::connect(trial.server(slot).address).unwrap();
        let begun = Instant::now();
        loop {
            let found = client.list().unwrap();
            let differences = trial.model.differences(&found);
            if differences.is_empty() {
                break;
            }
            assert!(
                begun.elapsed() < PATIENCE * 2,
                "the server {slot} has {} records: {}",
                found.len(),
                differences.join("\n")
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}
