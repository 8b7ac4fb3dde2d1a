//! The throughput of a network: LOOKUP by as many connections as there are peers, compared
//! with Redis, and GET from all of them, compared with nginx.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::operations::Figure;
use super::peers::{COMMON, Joined, number};
use super::{Grown, lines};
use crate::common::talk::lookup;
use crate::run::Setting;
use crate::run::findings::{Axis, Findings, Plot};
use crate::run::index::requests::{command, reply_to};
use crate::run::load::Requests;
use crate::run::samples::Random;
use crate::run::transfer::gets::{get, http_get, rate};

/// Documents that are fetched at the same time: each takes a thread of the load generator.
const AT_ONCE: usize = 16;

pub(crate) fn throughput(
    figures: &mut Vec<Figure>,
    index: SocketAddr,
    joined: &[Joined],
    documents: usize,
    directory: &Path,
    setting: &Setting,
    findings: &mut Findings,
) -> io::Result<()> {
    let time = setting.time / 2;
    let mut random = Random::new(setting.seed);
    let peer = random.below(joined.len());
    let numbers: Vec<u32> = (1..documents).map(|at| number(peer, documents, at)).collect();
    let asked = |address, requests: &[String]| {
        let reply = reply_to(address, &requests[0])?.len();
        let batches = Requests::shuffled(requests, 1, 1000, &mut Random::new(setting.seed));
        let requests = Requests { batches, in_flight: 1, reply };
        io::Result::Ok(requests.ask(address, joined.len(), time)?.rate())
    };
    let lookups: Vec<String> = numbers.iter().map(|number| lookup(*number)).collect();
    let mut figure = Figure::new("LOOKUP by all", asked(index, &lookups)?, "requests/s");
    let redis = setting.redis(findings)?;
    if !redis.is_empty() {
        let members: Vec<String> =
            numbers.iter().map(|number| command(&["SMEMBERS", &number.to_string()])).collect();
        for (number, lookup) in numbers.iter().zip(&lookups) {
            let reply = reply_to(index, lookup)?;
            let line = reply.lines().nth(2).unwrap_or_default().to_string();
            for redis in &redis {
                reply_to(redis.address, &command(&["SADD", &number.to_string(), &line]))?;
            }
        }
        let mut rates = Vec::new();
        for redis in &redis {
            rates.push(asked(redis.address, &members)?);
        }
        figure.compared =
            rates.into_iter().max_by(f64::total_cmp).map(|rate| ("Redis SMEMBERS", rate));
    }
    figures.push(figure);

    let fetched = |address: &(dyn Fn(usize) -> SocketAddr + Sync), request: &str| {
        let choose =
            |random: &mut Random| (address(random.below(joined.len())), request.to_string());
        rate(joined.len().min(AT_ONCE), time, setting.seed, choose)
    };
    let ours = fetched(&|peer| joined[peer].upload, &get(COMMON))?;
    let mut figure = Figure::new("GET of 40 KB from all", ours, "documents/s");
    let mut rates = Vec::new();
    for nginx in setting.nginx(directory, findings)? {
        rates.push(fetched(&|_| nginx.address, &http_get(COMMON))?);
    }
    // The plot has one line for both configurations.
    figure.compared = rates.into_iter().max_by(f64::total_cmp).map(|rate| ("nginx", rate));
    figures.push(figure);
    Ok(())
}

/// Throughput over the number of peers.
pub(crate) fn plot(grown: &Grown, findings: &mut Findings) {
    for unit in ["requests/s", "documents/s"] {
        let mut all = lines(grown, |figure| (figure.unit == unit).then_some(figure.figure));
        let theirs = |figure: &Figure| Some(figure.compared.filter(|_| figure.unit == unit)?.1);
        let with = grown.first().and_then(|(_, figures)| {
            figures.iter().filter(|figure| figure.unit == unit).find_map(|figure| figure.compared)
        });
        if let Some((with, _)) = with {
            all.extend(lines(grown, theirs).into_iter().map(|(_, points)| (with.into(), points)));
        }
        findings.plots.push(Plot {
            title: format!("Throughput over the number of peers, {unit}"),
            x: Axis { label: "peers", logarithmic: true },
            y: Axis { label: unit, logarithmic: false },
            lines: all,
        });
    }
}
