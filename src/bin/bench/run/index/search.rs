//! SEARCH: how long a query takes, and what the search structure takes of the memory.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use p2p_ci::index::{Attributes, Index as Records, Owner};
use p2p_ci::protocol::{Content, Date, Document, Record};

use crate::common::programs::Index;
use crate::common::talk::{Talk, add, records, search};
use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::index::fill;
use crate::run::probe::millis;
use crate::run::samples::{Latencies, Random};

const SECTION: &str = "index, SEARCH";
/// Records of a reply at most.
const LIMIT: u32 = 100;
/// Titles of the index of many titles are made of that many words, and of frequent ones.
const VOCABULARY: usize = 5000;

/// What is searched for in an index of the series.
const OF_SERIES: [(&str, &str); 7] = [
    ("a word of all titles", "document"),
    ("one letter", "s"),
    ("a rare word", "4711"),
    ("no result: an unknown word", "xylophone"),
    ("no result: known words", "4711 4712 document"),
    ("many words of most titles", "the document of a series and what it says of the"),
    ("many words, one of them rare", "the document of a series 77"),
];

/// What is searched for in an index of many titles.
const OF_TITLES: [(&str, &str); 8] = [
    ("a word of all titles", "protocol"),
    ("one letter", "p"),
    ("a word of one title in 600", "w77x"),
    ("a rare word", "n314159"),
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
    measure(setting, findings, index.address, &what, &OF_SERIES)?;
    drop((index, peers));

    let titles = setting.size(1_000_000, 50_000);
    for order in [Order::Ascending, Order::Descending] {
        let index = Index::start(None)?;
        let peers = with_titles(setting, index.address, titles, order)?;
        let what = format!("{titles} titles, {}", order.name());
        measure(setting, findings, index.address, &what, &OF_TITLES)?;
        beside_adding(setting, findings, index.address, &what)?;
        drop((index, peers));
    }
    memory(findings, records);
    Ok(())
}

/// In which order the documents were added: the search visits titles in that order, and the
/// best results are documents with low numbers.
#[derive(Clone, Copy)]
enum Order {
    Ascending,
    Descending,
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Self::Ascending => "added in ascending order",
            Self::Descending => "added in descending order",
        }
    }
}

fn measure(
    setting: &Setting,
    findings: &mut Findings,
    address: SocketAddr,
    what: &str,
    queries: &[(&str, &str)],
) -> io::Result<()> {
    let mut talk = Talk::to(address)?;
    // What was added last is entered by the first query.
    talk.ask(search("first", LIMIT))?;
    let time = setting.time / 4;
    let mut all = Vec::new();
    for (kind, words) in queries {
        let found = records(&talk.ask(search(words, LIMIT))?).len();
        let mut p99 = Vec::new();
        for _ in 0..setting.rounds {
            p99.push(millis(times(&mut talk, words, time)?.percentile(99.0)));
        }
        findings.figure(SECTION, format!("{what}: {kind} ({found} found): p99"), &p99, "ms");
        all.extend(p99);
    }
    let most = all.into_iter().fold(0.0, f64::max);
    findings.figure(SECTION, format!("{what}: the highest p99 of a round"), &[most], "ms");
    Ok(())
}

/// How long each of some queries takes, from the request to the last byte of its reply.
fn times(talk: &mut Talk, words: &str, time: Duration) -> io::Result<Latencies> {
    let request = search(words, LIMIT);
    let mut times = Vec::new();
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        let begun = Instant::now();
        talk.ask(&request)?;
        times.push(begun.elapsed());
    }
    Ok(Latencies::of(times))
}

/// SEARCH while another peer adds 20,000 new titles, leaves, and comes again.
fn beside_adding(
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
        add(900_000_000 + at as u32, host, 5678, &title(at + 7_000_000, &mut random))
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
        p99.push(millis(times(&mut talk, "even w77x", setting.time)?.percentile(99.0)));
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

/// Fills an index with documents that all have different titles.
fn with_titles(
    setting: &Setting,
    address: SocketAddr,
    titles: usize,
    order: Order,
) -> io::Result<fill::Peers> {
    let mut random = Random::new(setting.seed);
    fill::with(address, titles, |peer, at| {
        let number = match order {
            Order::Ascending => 1 + at,
            Order::Descending => titles - at,
        };
        let host = format!("peer-{peer:05}.example.edu");
        add(number as u32, &host, 5678, &title(number, &mut random))
    })
}

/// A title of some frequent words, some rare ones and a number.
fn title(number: usize, random: &mut Random) -> String {
    let parity = if number.is_multiple_of(2) { "Even" } else { "Odd" };
    let mut title = format!("{parity} Protocol n{number} for the");
    for _ in 0..5 {
        let _ = write!(title, " w{}x", random.below(VOCABULARY));
    }
    title
}

/// What the search structure takes of the memory for a record of the series, in this process.
fn memory(findings: &mut Findings, count: usize) {
    let mut index = Records::with_limits(count, usize::MAX);
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
    while index.catch_up(1000) == 1000 {}
    let each = index.search_bytes() as f64 / count as f64;
    let work = format!("{count} records of {} numbers: memory for SEARCH, each", fill::SERIES);
    findings.figure(SECTION, work, &[each], "bytes");
}
