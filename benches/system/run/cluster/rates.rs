//! ADD and LOOKUP at one server of a cluster and at three, compared with a server without one.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::store::Store;
use crate::common::programs::Index;
use crate::common::talk::{add, lookup};
use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::index::requests::{Adding, NUMBERS, fill, reply_to};
use crate::run::load::Requests;
use crate::run::samples::{Random, median};

const SECTION: &str = "cluster";
const CONNECTIONS: usize = 50;
const PIPELINE: usize = 32;
const WITHOUT: &str = "a server without a cluster";

/// The next record of a connection at one of several servers. All have one length.
fn record(server: usize, connection: usize, at: usize) -> String {
    let host = format!("peer-{server}-{connection:02}");
    add(10_000 + at as u32, &host, 5678, "A Title of the Usual Length, for a Document")
}

/// ADD unpipelined and pipelined. Returns the rate of the first.
pub(super) fn adds(setting: &Setting, findings: &mut Findings) -> io::Result<f64> {
    let mut unpipelined = f64::NAN;
    for (in_flight, batches) in [(1, setting.size(2000, 100)), (PIPELINE, setting.size(300, 20))] {
        let (mut ours, mut without) = (Vec::new(), Vec::new());
        for _ in 0..setting.rounds {
            let adding = Adding::new(CONNECTIONS, batches, in_flight, |connection, at| {
                record(0, connection, at)
            });
            let store = Store::start()?;
            ours.push(adding.run(store.server()?.address)?.rate());
            without.push(adding.run(Index::start(None)?.address)?.rate());
        }
        let work = format!("ADD at one server, {CONNECTIONS} connections, {in_flight} in flight");
        findings.compared(SECTION, work, &ours, "requests/s", WITHOUT, &without);
        if in_flight == 1 {
            unpipelined = median(&ours);
        }
    }
    Ok(unpipelined)
}

/// LOOKUP, while the store is idle.
pub(super) fn lookups(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let store = Store::start()?;
    let (ours, without) = (store.server()?, Index::start(None)?);
    let _holders = (fill(ours.address)?, fill(without.address)?);
    for in_flight in [1, PIPELINE] {
        let requests = requests(setting, ours.address, in_flight)?;
        let (mut rates, mut others) = (Vec::new(), Vec::new());
        for _ in 0..setting.rounds {
            rates.push(requests.ask(ours.address, CONNECTIONS, setting.time)?.rate());
            others.push(requests.ask(without.address, CONNECTIONS, setting.time)?.rate());
        }
        let work = format!("LOOKUP, store idle, {CONNECTIONS} connections, {in_flight} in flight");
        findings.compared(SECTION, work, &rates, "requests/s", WITHOUT, &others);
    }
    Ok(())
}

fn requests(setting: &Setting, address: SocketAddr, in_flight: usize) -> io::Result<Requests> {
    let lookups: Vec<String> = NUMBERS.map(lookup).collect();
    let batches = Requests::shuffled(&lookups, in_flight, 1000, &mut Random::new(setting.seed));
    let reply = reply_to(address, &lookups[0])?.len();
    Ok(Requests { batches, in_flight, reply })
}

/// Three servers on one store, each with a third of the connections, compared with one.
pub(super) fn three_servers(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let batches = setting.size(300, 20);
    let (mut three, mut one) = (Vec::new(), Vec::new());
    let (mut asked_three, mut asked_one) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds {
        for (count, rates, asked) in
            [(3, &mut three, &mut asked_three), (1, &mut one, &mut asked_one)]
        {
            let store = Store::start()?;
            let servers: Vec<Index> =
                (0..count).map(|_| store.server()).collect::<io::Result<_>>()?;
            let connections = CONNECTIONS / count;
            let adding: Vec<Adding> = (0..count)
                .map(|server| {
                    Adding::new(connections, batches, PIPELINE, |connection, at| {
                        record(server, connection, at)
                    })
                })
                .collect();
            let work = adding.iter().zip(&servers);
            rates.push(together(work.map(|(adding, server)| || adding.run(server.address)))?);
            let _holders = fill(servers[0].address)?;
            for server in &servers {
                wait_for_records(server)?;
            }
            let requests = requests(setting, servers[0].address, PIPELINE)?;
            let ask = |server: SocketAddr| requests.ask(server, connections, setting.time);
            let work = servers.iter().map(|server| || ask(server.address));
            asked.push(together(work)?);
        }
    }
    for (what, three, one) in [("ADD", three, one), ("LOOKUP", asked_three, asked_one)] {
        let work = format!("{what} at three servers, {PIPELINE} in flight");
        findings.compared(SECTION, work, &three, "requests/s", "one server", &one);
    }
    Ok(())
}

/// Waits until a server has all records of [`fill`], so that all replies have one length.
fn wait_for_records(server: &Index) -> io::Result<()> {
    let mut talk = crate::common::talk::Talk::to(server.address)?;
    let holders = |reply: &str| reply.lines().filter(|line| line.starts_with("RFC ")).count();
    for number in [NUMBERS.start, NUMBERS.end - 1] {
        while holders(&talk.ask(lookup(number))?) < 8 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

/// Runs loads at the same time, and returns the sum of their rates.
fn together<Run>(loads: impl Iterator<Item = Run>) -> io::Result<f64>
where
    Run: FnOnce() -> io::Result<crate::run::load::Outcome> + Send,
{
    thread::scope(|scope| {
        let running: Vec<_> = loads.map(|run| scope.spawn(run)).collect();
        let rates = running.into_iter().map(|one| {
            let outcome = one.join().map_err(|_| io::Error::other("a panic"))?;
            Ok(outcome?.rate())
        });
        rates.sum()
    })
}
