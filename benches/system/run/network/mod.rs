//! Whole networks: an index server and peers with documents, from the first that joins to
//! the last that leaves; how each operation grows with both, and with `--capture` how it looks on
//! the wire.

mod operations;
mod peers;
mod throughput;
mod wire;

use std::io;

use crate::common::programs::Index;
use crate::run::findings::{Axis, Compared, Findings, Plot, Row};
use crate::run::{Setting, Suite};
use operations::{Figure, operations};
use peers::{directories, join_all};
use throughput::throughput;
use wire::Capture;

pub(crate) const SUITES: &[Suite] = &[
    Suite { name: "network", what: "an index and up to a thousand peers", run: over_peers },
    Suite { name: "documents", what: "peers with up to a thousand documents", run: over_documents },
];

/// Documents of each peer where peers are many, and peers where documents are.
const DOCUMENTS: usize = 10;
const PEERS: usize = 4;

/// A size, and what was found in the network of that size.
type Grown = Vec<(usize, Vec<Figure>)>;

/// Networks of more and more peers.
fn over_peers(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let mut grown = Grown::new();
    for size in setting.size(vec![1, 10, 100, 1000], vec![1, 4, 16]) {
        let figures = network(size, DOCUMENTS, setting, findings)?;
        keep("networks of so many peers", size, &figures, findings);
        grown.push((size, figures));
    }
    plot("peers", "with the number of peers", &grown, findings);
    throughput::plot(&grown, findings);
    Ok(())
}

/// Networks of a few peers with more and more documents.
fn over_documents(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let mut grown = Grown::new();
    for size in setting.size(vec![2, 10, 100, 1000], vec![2, 50]) {
        let figures = network(PEERS, size, setting, findings)?;
        keep("four peers with so many documents each", size, &figures, findings);
        grown.push((size, figures));
    }
    plot("documents of each peer", "with the documents of each peer", &grown, findings);
    Ok(())
}

/// One network, from the first that joins to the last that leaves.
fn network(
    peers: usize,
    documents: usize,
    setting: &Setting,
    findings: &mut Findings,
) -> io::Result<Vec<Figure>> {
    let place = tempfile::tempdir()?;
    let directories = directories(place.path(), peers, documents, setting)?;
    let index = Index::start(None)?;
    let mut figures = Vec::new();
    let joined = operations::join(&mut figures, || join_all(index.address, &directories))?;
    let capture = Capture::start(index.address, joined[0].upload, setting, findings)?;
    let said = operations(&mut figures, index.address, &joined, documents, setting)?;
    if let Some(capture) = capture {
        let packets = capture.stop()?;
        figures.extend(said.iter().flat_map(|said| wire::compare(said, &packets)));
    }
    throughput(
        &mut figures,
        index.address,
        &joined,
        documents,
        &directories[0],
        setting,
        findings,
    )?;
    operations::sync(&mut figures, index.address, place.path())?;
    operations::leave(&mut figures, index.address, &joined)?;
    Ok(figures)
}

/// The figures of a network of this size.
fn keep(section: &'static str, size: usize, figures: &[Figure], findings: &mut Findings) {
    for Figure { what, figure, unit, compared } in figures {
        let (work, figure, size) = ((*what).to_string(), *figure, Some(size));
        let compared = compared.map(|(with, theirs)| Compared {
            with: with.into(),
            figure: theirs,
            ratio: figure / theirs,
        });
        findings.push(Row { section, work, size, figure, unit, compared });
    }
}

/// A plot for each unit in which every operation has a figure.
fn plot(label: &'static str, with_what: &str, grown: &Grown, findings: &mut Findings) {
    for (what, unit, of) in [
        ("How long each operation takes", "ms", "milliseconds, median"),
        ("Bytes on the wire for one operation", "bytes", "bytes of request and reply"),
        ("Packets for one operation, as tshark counts them", "packets", "packets"),
        ("Round trips for one operation, as tshark counts them", "round trips", "round trips"),
    ] {
        let lines = lines(grown, |figure| (figure.unit == unit).then_some(figure.figure));
        let x = Axis { label, logarithmic: true };
        let y = Axis { label: of, logarithmic: true };
        findings.plots.push(Plot { title: format!("{what}, {with_what}"), x, y, lines });
    }
}

/// A line for each figure that is wanted, over the sizes.
fn lines(grown: &Grown, wanted: impl Fn(&Figure) -> Option<f64>) -> Vec<(String, Vec<(f64, f64)>)> {
    let Some((_, first)) = grown.first() else { return Vec::new() };
    let line = |(at, figure): (usize, &Figure)| {
        wanted(figure)?;
        let point = |(size, figures): &(usize, Vec<Figure>)| {
            Some((*size as f64, figures.get(at).and_then(&wanted)?))
        };
        Some((figure.what.to_string(), grown.iter().filter_map(point).collect()))
    };
    first.iter().enumerate().filter_map(line).collect()
}
