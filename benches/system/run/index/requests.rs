//! LOOKUP and ADD at full speed, compared with Redis and the ceiling.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::common::programs::Index;
use crate::common::talk::{Talk, add, lookup};
use crate::run::Setting;
use crate::run::anchors::{Anchor, Rounds};
use crate::run::findings::{Axis, Findings, Plot};
use crate::run::load::{Load, Outcome, Requests, connect};
use crate::run::probe::millis;
use crate::run::samples::Random;

const SECTION: &str = "index";
/// Different numbers: four digits each, so that all replies have one length.
pub(crate) const NUMBERS: std::ops::Range<u32> = 1000..2000;
/// Peers that have all of them.
const HOLDERS: u16 = 8;
const ASKING: usize = 50;
const ADDING: usize = 8;
const PIPELINE: usize = 32;

fn title(number: u32) -> String {
    format!("A Title of the Usual Length, for the Document {number}")
}

/// A server, what it is asked, and how fast it was in each round.
struct Contestant {
    name: String,
    address: SocketAddr,
    requests: Requests,
    rates: Vec<f64>,
}

impl Contestant {
    fn ask(&mut self, setting: &Setting) -> io::Result<Outcome> {
        let outcome = self.requests.ask(self.address, ASKING, setting.time)?;
        self.rates.push(outcome.rate());
        Ok(outcome)
    }
}

/// LOOKUP with one request in flight, and with many.
pub(crate) fn lookups(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let index = Index::start(None)?;
    let _holders = fill(index.address)?;
    let redis = setting.redis(findings)?;
    for redis in &redis {
        fill_redis(redis.address)?;
    }
    let fill_other = |&address: &SocketAddr| Ok((address, fill(address)?));
    let others: Vec<(SocketAddr, Vec<Talk>)> =
        setting.others.iter().map(fill_other).collect::<io::Result<_>>()?;
    let lookups: Vec<String> = NUMBERS.map(lookup).collect();
    let smembers: Vec<String> =
        NUMBERS.map(|number| command(&["SMEMBERS", &key(number)])).collect();
    let ceiling = Anchor::ceiling(&reply_to(index.address, &lookups[0])?)?;

    let mut lines = Vec::new();
    for in_flight in [1, PIPELINE] {
        let contestant = |name: &str, address: SocketAddr, requests: &[String]| {
            let mut random = Random::new(setting.seed);
            let batches = Requests::shuffled(requests, in_flight, 1000, &mut random);
            let reply = reply_to(address, &requests[0])?.len();
            let requests = Requests { batches, in_flight, reply };
            io::Result::Ok(Contestant { name: name.into(), address, requests, rates: Vec::new() })
        };
        let mut ours = contestant("", index.address, &lookups)?;
        let mut rivals = vec![contestant("the ceiling", ceiling.address, &lookups)?];
        for redis in &redis {
            let name = format!("{}, SMEMBERS", redis.name);
            rivals.push(contestant(&name, redis.address, &smembers)?);
        }
        for (address, _) in &others {
            rivals.push(contestant(&address.to_string(), *address, &lookups)?);
        }

        let mut p99 = Vec::new();
        let mut distribution = Vec::new();
        for _ in 0..setting.rounds {
            let outcome = ours.ask(setting)?;
            p99.push(millis(outcome.latencies.percentile(99.0)));
            distribution = outcome.latencies.distribution();
            for rival in &mut rivals {
                rival.ask(setting)?;
            }
        }
        let work =
            format!("LOOKUP, {HOLDERS} holders, {ASKING} connections, {in_flight} in flight");
        for Contestant { name, rates, .. } in &rivals {
            findings.compared(SECTION, &work, &ours.rates, "requests/s", name, rates);
        }
        findings.figure(SECTION, format!("{work}: p99 of a batch"), &p99, "ms");
        lines.push((format!("{in_flight} in flight, {ASKING} connections"), distribution));
    }
    let one_in = "one of so many takes longer (100 is the 99th percentile)";
    findings.plots.push(Plot {
        title: "How long a LOOKUP takes, in the last round".into(),
        x: Axis { label: one_in, logarithmic: true },
        y: Axis { label: "milliseconds, of a whole batch", logarithmic: true },
        lines,
    });
    Ok(())
}

/// ADD of new records.
pub(crate) fn adds(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let redis = setting.redis(findings)?;
    let batches = setting.size(1000, 250);
    let ours = Adding::new(ADDING, batches, PIPELINE, new_record);
    let (mut figures, mut redises) = (Vec::new(), Rounds::default());
    for round in 0..setting.rounds {
        let index = Index::start(None)?;
        figures.push(ours.run(index.address)?.rate());
        for redis in &redis {
            let member = |connection: usize, at: usize| {
                let number = 10_000 + at as u32;
                let member = format!("RFC {number} {} peer-{connection} 5678", title(number));
                command(&["SADD", &format!("round:{round}:{number:05}"), &member])
            };
            let adding = Adding::new(ADDING, batches, PIPELINE, member);
            redises.push(redis.name, adding.run(redis.address)?.rate());
        }
    }
    let work = format!("ADD, new records, {ADDING} connections, {PIPELINE} in flight");
    findings.compared_with_best(SECTION, work, &figures, "requests/s", redises.highest());
    Ok(())
}

/// The ADD of a connection's next record.
pub(crate) fn new_record(connection: usize, at: usize) -> String {
    let number = 10_000 + at as u32;
    add(number, &format!("peer-{connection}"), 5678, &title(number))
}

/// Connections that add, each its own records to the end.
pub(crate) struct Adding {
    /// The batches of each connection.
    requests: Vec<Vec<Vec<u8>>>,
    in_flight: usize,
    /// A request of another client, by which the length of the replies is known.
    first: String,
}

impl Adding {
    pub(crate) fn new(
        connections: usize,
        batches: usize,
        in_flight: usize,
        request: impl Fn(usize, usize) -> String,
    ) -> Self {
        let batch = |connection: usize, batch: usize| {
            let all = (0..in_flight).map(|at| request(connection, batch * in_flight + at));
            all.collect::<String>().into_bytes()
        };
        let of = |connection| (0..batches).map(|at| batch(connection, at)).collect();
        Self { requests: (0..connections).map(of).collect(), in_flight, first: request(9, 0) }
    }

    pub(crate) fn run(&self, address: SocketAddr) -> io::Result<Outcome> {
        let batch = |connection: usize, round: usize| {
            self.requests[connection].get(round).map(Vec::as_slice)
        };
        Load {
            address,
            connections: self.requests.len(),
            batch: &batch,
            in_flight: self.in_flight,
            reply: reply_to(address, &self.first)?.len(),
            time: Duration::from_secs(60),
        }
        .run()
    }
}

/// Each holder adds each number, over a connection that lives as long as what is returned.
pub(crate) fn fill(address: SocketAddr) -> io::Result<Vec<Talk>> {
    (0..HOLDERS)
        .map(|holder| {
            let mut talk = Talk::to(address)?;
            for number in NUMBERS {
                talk.ask(add(number, &format!("peer-{holder}"), 5678 + holder, &title(number)))?;
            }
            Ok(talk)
        })
        .collect()
}

fn fill_redis(address: SocketAddr) -> io::Result<()> {
    let mut commands = String::new();
    for number in NUMBERS {
        for holder in 0..HOLDERS {
            let port = 5678 + holder;
            let member = format!("RFC {number} {} peer-{holder} {port}", title(number));
            commands.push_str(&command(&["SADD", &key(number), &member]));
        }
    }
    reply_to(address, &commands).map(drop)
}

fn key(number: u32) -> String {
    format!("rfc:{number}")
}

/// A command as Redis reads it.
pub(crate) fn command(words: &[&str]) -> String {
    let words: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*{}\r\n{words}", words.matches('$').count())
}

/// The reply of a server of any protocol: all bytes until it is silent.
pub(crate) fn reply_to(address: SocketAddr, request: &str) -> io::Result<String> {
    const QUIET: Duration = Duration::from_millis(20);
    let mut stream: TcpStream = connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut reply = Vec::new();
    let mut chunk = [0; 64 * 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => reply.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
        stream.set_read_timeout(Some(QUIET))?;
    }
    Ok(String::from_utf8_lossy(&reply).into_owned())
}
