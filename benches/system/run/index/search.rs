//! SEARCH: how long a query takes, and what the search structure takes of the memory (protocol.md
//! section 4.10).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use p2p_ci::index::{Attributes, Capacity, Index as Records, Owner};
use p2p_ci::protocol::{Content, Date, Document, Record};

use crate::common::programs::Index;
use crate::common::talk::{Talk, add, lookup, records, search};
use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::index::fill;
use crate::run::probe::millis;
use crate::run::samples::{Latencies, Random};
use titles::Kind;

mod titles;

const SECTION: &str = "index, SEARCH";
/// Records of a reply at most.
const LIMIT: u32 = 100;

/// The queries in an index of the series.
const OF_SERIES: [(&str, &str); 7] = [
    ("a word of all titles", "document"),
    ("one letter", "s"),
    ("a rare word", "4711"),
    ("no result: an unknown word", "xylophone"),
    ("no result: known words", "4711 4712 document"),
    ("many words of most titles", "the document of a series and what it says of the"),
    ("many words, one of them rare", "the document of a series 77"),
];

/// The queries in an index of many titles.
const OF_TITLES: [(&str, &str); 10] = [
    ("a word of all titles", "protocol"),
    ("one letter", "p"),
    ("a word of one title in 600", "w77x"),
    ("a rare word", "n31415"),
    ("the first title", "n1 protocol"),
    ("one title in ten", "n1 even"),
    ("no result: an unknown word", "xylophone"),
    ("no result: two frequent words", "even odd"),
    ("two frequent words", "even protocol"),
    ("many words", "protocol for the version of a w1 w2 w3 n1 n2"),
];

/// SEARCH in an index of the series, and in one of many titles.
pub(crate) fn queries(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let records = setting.size(10_000_000, 200_000);
    let index = Index::start(None)?;
    let peers = fill::with_series(index.address, records)?;
    let what = format!("{records} records of {} numbers", fill::SERIES.min(records));
    measure(setting, findings, &index, &what, &OF_SERIES)?;
    drop((index, peers));

    let count = setting.size(1_000_000, 50_000);
    for kind in Kind::ALL {
        let index = Index::start(None)?;
        let peers = titles::fill(setting, index.address, count, kind)?;
        let what = format!("{count} titles, {}", kind.name());
        measure(setting, findings, &index, &what, &OF_TITLES)?;
        if kind.has_searches_while_adding() {
            while_adding(setting, findings, index.address, &what)?;
        }
        drop((index, peers));
    }
    memory(findings, records);
    Ok(())
}

/// A number that one peer has.
const ONE: u32 = 999_999_000;

/// Measures each kind of query, and LOOKUP of one record in the same rounds: what the machine does
/// meanwhile delays both.
fn measure(
    setting: &Setting,
    findings: &mut Findings,
    index: &Index,
    what: &str,
    queries: &[(&str, &str)],
) -> io::Result<()> {
    let mut talk = Talk::to(index.address)?;
    talk.ask(add(ONE, "measured.example.edu", 5678, "Quiet"))?;
    settle(index)?;
    let time = setting.time / 4;
    let (mut all, mut lookups) = (Vec::new(), Vec::new());
    for (kind, words) in queries {
        let request = search(words, LIMIT);
        let found = records(&talk.ask(&request)?).len();
        let (mut p50, mut p99, mut work) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..setting.rounds {
            let before = processor(index);
            let times = times(&mut talk, &request, time)?;
            work.push((processor(index) - before) * 1e3 / times.count() as f64);
            p50.push(millis(times.percentile(50.0)));
            p99.push(millis(times.percentile(99.0)));
            let lookup = self::times(&mut talk, &lookup(ONE), time / 4)?;
            lookups.push(millis(lookup.percentile(99.0)));
        }
        let work_of = |figure| format!("{what}: {kind} ({found} found): {figure}");
        findings.figure(SECTION, work_of("p50"), &p50, "ms");
        findings.figure(SECTION, work_of("p99"), &p99, "ms");
        findings.figure(SECTION, work_of("processor time"), &work, "ms");
        all.extend(p99);
    }
    let most = all.into_iter().fold(0.0, f64::max);
    findings.figure(SECTION, format!("{what}: the highest p99 of a round"), &[most], "ms");
    let of_lookups = format!("{what}: LOOKUP of one record in the same rounds: p99");
    findings.figure(SECTION, of_lookups, &lookups, "ms");
    Ok(())
}

/// Waits until all titles are entered: the server then uses no processor time.
fn settle(index: &Index) -> io::Result<()> {
    const WAIT: Duration = Duration::from_millis(500);
    for _ in 0..240 {
        let before = processor(index);
        thread::sleep(WAIT);
        if processor(index) - before < 0.02 {
            return Ok(());
        }
    }
    Err(io::Error::other("expected the server to be idle, found it busy for two minutes"))
}

/// Seconds of processor time of the server until now.
fn processor(index: &Index) -> f64 {
    index.usage().map_or(0.0, |usage| usage.processor)
}

/// How long each of some requests takes, from the request to the last byte of its reply.
fn times(talk: &mut Talk, request: &str, time: Duration) -> io::Result<Latencies> {
    let mut times = Vec::new();
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        let begun = Instant::now();
        talk.ask(request)?;
        times.push(begun.elapsed());
    }
    Ok(Latencies::of(times))
}

/// SEARCH while another peer adds 20,000 new titles, leaves, and comes again.
fn while_adding(
    setting: &Setting,
    findings: &mut Findings,
    address: SocketAddr,
    what: &str,
) -> io::Result<()> {
    const TITLES: usize = 20_000;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let mut random = Random::new(setting.seed);
    let request = |at| {
        let host = "adding.example.edu";
        add(900_000_000 + at as u32, host, 5678, &titles::title(at + 7_000_000, &mut random))
    };
    let requests: String = (0..TITLES).map(request).collect();
    let adding = thread::spawn(move || -> io::Result<usize> {
        let mut added = 0;
        while !stopped.load(Ordering::Relaxed) {
            Talk::to(address)?.pipeline(requests.as_bytes(), TITLES)?;
            added += TITLES;
        }
        Ok(added)
    });
    let mut talk = Talk::to(address)?;
    let begun = Instant::now();
    let mut p99 = Vec::new();
    for _ in 0..setting.rounds {
        p99.push(millis(
            times(&mut talk, &search("even w77x", LIMIT), setting.time)?.percentile(99.0),
        ));
    }
    let rounds = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let added = adding.join().map_err(|_| io::Error::other("a panic"))??;
    let work = format!("{what}: two words while a peer adds {TITLES} titles and leaves: p99");
    findings.figure(SECTION, work, &p99, "ms");
    let rate = added as f64 / rounds.as_secs_f64();
    findings.figure(SECTION, "… which adds", &[rate], "records/s");
    Ok(())
}

/// Memory of the search structure for a record of the series, in this process.
fn memory(findings: &mut Findings, count: usize) {
    let index =
        Records::new(Capacity { records: count, records_of_owner: usize::MAX, bytes: usize::MAX });
    for at in 0..count {
        let (peer, number) = (at / fill::SERIES, at % fill::SERIES + 1);
        let line = format!("RFC {number} {} peer-{peer:05} 5678", fill::title(number));
        let Ok(Record { document: document @ Document::Rfc(_), title, holder }) =
            Record::parse(&line)
        else {
            continue;
        };
        let attributes = Attributes {
            content: Content::default(),
            added: Date::clamped(UNIX_EPOCH),
            address: None,
        };
        // There are as many as the limit.
        let _ = index.add(Owner(peer as u64), Record { document, title, holder }, attributes);
    }
    index.update_all();
    let each = index.search_bytes() as f64 / count as f64;
    let work = format!("{count} records of {} numbers: memory for SEARCH, each", fill::SERIES);
    findings.figure(SECTION, work, &[each], "bytes");
}
