//! The index from a thousand records to ten million: what a LOOKUP takes, and what a record does.

use std::io;

use crate::common::programs::Index;
use crate::common::talk::lookup;
use crate::run::Setting;
use crate::run::findings::{Axis, Findings, Plot};
use crate::run::index::fill;
use crate::run::index::requests::reply_to;
use crate::run::load::Requests;
use crate::run::samples::{Random, median};

const SECTION: &str = "index, growing";
const HOLDERS: usize = 8;
const ASKING: usize = 50;

/// The records of a growing index.
#[derive(Clone, Copy)]
enum Growing {
    /// The series, of more and more peers; asked is for the same few numbers.
    Peers,
    /// More and more numbers, of the same few peers; asked is for any of them.
    Numbers,
}

/// LOOKUP of numbers with eight holders each.
pub(crate) fn lookups(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let mut lines = Vec::new();
    for (growing, what) in
        [(Growing::Peers, "more peers"), (Growing::Numbers, "more different numbers")]
    {
        grow(growing, what, setting, findings, &mut lines)?;
    }
    findings.plots.push(Plot {
        title: "LOOKUP in an index that grows".into(),
        x: Axis { label: "records in the index", logarithmic: true },
        y: Axis { label: "requests per second", logarithmic: false },
        lines,
    });
    Ok(())
}

fn grow(
    growing: Growing,
    what: &str,
    setting: &Setting,
    findings: &mut Findings,
    lines: &mut Vec<(String, Vec<(f64, f64)>)>,
) -> io::Result<()> {
    let sizes = setting.size([1000, 100_000, 10_000_000], [1000, 10_000, 100_000]);
    let indexes: Vec<_> = sizes
        .iter()
        .map(|&records| {
            let index = Index::start(None)?;
            let (asked, others) = match growing {
                Growing::Peers => (sizes[0], records - sizes[0]),
                Growing::Numbers => (records, 0),
            };
            let others = fill::with_series(index.address, others)?;
            let (peers, numbers) = fill::with_holders(index.address, asked, HOLDERS)?;
            Ok((records, index, [others, peers], numbers))
        })
        .collect::<io::Result<_>>()?;
    for in_flight in [1, 32] {
        let mut rates = vec![Vec::new(); indexes.len()];
        for _ in 0..setting.rounds {
            for ((_, index, _, numbers), rates) in indexes.iter().zip(&mut rates) {
                let mut random = Random::new(setting.seed);
                let requests: Vec<String> = (0..4096.min(*numbers * 4))
                    .map(|_| lookup(fill::number(random.below(*numbers))))
                    .collect();
                let batches = Requests::shuffled(&requests, in_flight, 4096, &mut random);
                let reply = reply_to(index.address, &requests[0])?.len();
                let load = Requests { batches, in_flight, reply };
                rates.push(load.ask(index.address, ASKING, setting.time)?.rate());
            }
        }
        for ((records, ..), figures) in indexes.iter().zip(&rates) {
            let work = format!("LOOKUP in {records} records, {what}, {in_flight} in flight");
            let with = format!("{} records", sizes[0]);
            findings.compared(SECTION, work, figures, "requests/s", with, &rates[0]);
        }
        let points = sizes.iter().zip(&rates).map(|(&size, rates)| (size as f64, median(rates)));
        lines.push((format!("{what}, {in_flight} in flight"), points.collect()));
    }
    Ok(())
}

/// Memory of a record, in the whole process.
pub(crate) fn memory(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let records = setting.size(10_000_000, 500_000);
    let mut index = Index::start(None)?;
    let empty = index.program()?.usage()?.memory;
    let peers = fill::with_series(index.address, records)?;
    let full = index.program()?.usage()?.memory;
    let work = format!("{records} records of {} peers: memory of the process", peers.count());
    findings.figure(SECTION, work, &[full as f64 / 1e6], "MB");
    let each = (full - empty) as f64 / records as f64;
    findings.figure(SECTION, "a record, its peer's thread and all else included", &[each], "bytes");
    Ok(())
}
