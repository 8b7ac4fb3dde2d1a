//! Many connections that pipeline large requests, and titles that are made to slow SEARCH down
//! (protocol.md sections 4.10 and 7).

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::latency::{Honest, millis};
use crate::attack::report::Report;
use crate::common::programs::Index;
use crate::common::talk::{Talk, add, list, lookup, records, search};

/// Connections that pipeline.
const CONNECTIONS: usize = 64;
/// Records that one connection adds.
const EACH: usize = 20_000;
/// A number with very many holders.
const POPULAR: u32 = 500_000_000;
/// A number with very many titles.
const OLD: u32 = 500_000_001;
/// The longest time that a SEARCH for a hundred records may take.
const MOST: Duration = Duration::from_millis(5);

/// LIST, SEARCH and large LOOKUPs from 64 connections, whose replies are read.
pub(super) fn pipelines(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let index = Index::start(setting.target)?;
    let title = |at: usize| format!("Document {at} of a Series of {} Parts", at % 1000);
    let _peers = fill(index.address, setting.size(400_000, 40_000), |at| {
        add(1_000 + at as u32, "holder", 5678, &title(at))
    })?;
    let _popular = fill(index.address, EACH, |at| add(POPULAR, "holder", 10_000 + at as u16, "A"))?;
    let mut honest = Honest::join(index.address, report)?;
    let time = Duration::from_secs(setting.size(10, 1));
    for (what, request) in [
        ("LIST", list()),
        ("large LOOKUPs", lookup(POPULAR)),
        ("SEARCH of all titles", search("document series", 100)),
        ("SEARCH without a result", search("document nothing", 100)),
    ] {
        report.figure(&format!("{what}: connections"), CONNECTIONS as f64, "");
        let streams: Vec<TcpStream> = (0..CONNECTIONS)
            .map(|_| TcpStream::connect(index.address))
            .collect::<io::Result<_>>()?;
        let asking = thread::scope(|scope| {
            for stream in &streams {
                // It ends when the connection is shut down.
                scope.spawn(|| drop(pipeline(stream, &request)));
            }
            thread::sleep(time / 2);
            let asking = honest.keep_asking();
            thread::sleep(time);
            streams.iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
            asking
        });
        honest = asking.held(report)?;
    }
    Ok(())
}

/// Titles of many equal words, of long words, of files with names that begin alike, and of one document;
/// and one peer that adds titles and leaves, again and again, while others search.
pub(super) fn titles(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let index = Index::start(setting.target)?;
    let mut honest = Honest::join(index.address, report)?;
    let file = |at: usize, title: &str| {
        let line = format!("ADD FILE equal-beginning-{at:07} P2P-CI/1.0\r\nHost: holder\r\n");
        format!("{line}Port: 5678\r\nTitle: {title}\r\n\r\n")
    };
    let words: Vec<String> = (0..60).map(|word| format!("word{word}")).collect();
    let kinds = [
        words.join(" "),
        ["sixteenletterswd"; 28].join(" "),
        "a b c d e f g h i j k l m n o p q r s t u v w x y z".into(),
    ];
    let count = setting.size(60_000, 6_000);
    // One document has as many titles, the first of which is that of its oldest line.
    let old = |at: usize| add(OLD, "holder", 1 + at as u16, &format!("old{at} of one document"));
    let _olds = fill(index.address, count, old)?;
    // In descending order: each document comes before all that were added before it.
    let request = |at: usize| file(count - at, &format!("{} {at}", kinds[at % kinds.len()]));
    let _peers = fill(index.address, count, request)?;
    let mut talk = Talk::to(index.address)?;
    // A queue of new titles is entered within seconds.
    let deadline = Instant::now() + Duration::from_secs(10);
    while records(&talk.ask(search(&format!("a {}", count - 1), 100))?).is_empty()
        && Instant::now() < deadline
    {
        thread::sleep(Duration::from_millis(20));
    }
    // Each with the number of its results.
    let queries = [
        ("word1", 100),
        ("a", 100),
        ("s", 100),
        ("sixteenletterswd", 100),
        ("word1 a", 0),
        ("a b c d e f g h", 100),
        ("nothing", 0),
        ("document", 100),
        ("old0", 1),
        ("old1 document", 100),
    ];
    let asking = honest.keep_asking();
    let mut longest = Duration::ZERO;
    for (query, expected) in queries {
        let mut times = Vec::new();
        for _ in 0..setting.size(1000, 200) {
            let begun = Instant::now();
            let found = records(&talk.ask(search(query, 100))?).len();
            times.push(begun.elapsed());
            if found != expected {
                report.require(&format!("{query}: {found} records, not {expected}"), false);
                break;
            }
        }
        times.sort_unstable();
        longest = longest.max(times.get(times.len() * 99 / 100).copied().unwrap_or_default());
    }
    report.figure("SEARCH, the highest p99 of a query", millis(longest), "ms");
    report.require_time("p99 of each SEARCH at most 5 ms", longest <= MOST);
    let deadline = Instant::now() + Duration::from_secs(setting.size(10, 1));
    let mut times = Vec::new();
    while Instant::now() < deadline {
        let request = |at: usize| file(10_000_000 + at, &format!("new{at} word1"));
        drop(fill(index.address, setting.size(EACH, 2_000), request)?);
        for _ in 0..20 {
            let begun = Instant::now();
            talk.ask(search("word1 word2", 100))?;
            times.push(begun.elapsed());
        }
    }
    times.sort_unstable();
    let p95 = times.get(times.len() * 95 / 100).copied().unwrap_or_default();
    report.figure("SEARCH while a peer adds and leaves: p95", millis(p95), "ms");
    report.require_time("it is at most 5 ms", p95 <= MOST);
    honest = asking.held(report)?;
    drop(honest);
    Ok(())
}

/// Fills an index over as many connections as are needed.
fn fill(
    address: SocketAddr,
    count: usize,
    request: impl Fn(usize) -> String,
) -> io::Result<Vec<Talk>> {
    let join = |first: usize| {
        let end = (first + EACH).min(count);
        let mut talk = Talk::to(address)?;
        talk.pipeline((first..end).map(&request).collect::<String>().as_bytes(), end - first)?;
        Ok(talk)
    };
    (0..count).step_by(EACH).map(join).collect()
}

/// Sends the request again and again, and reads what comes.
fn pipeline(mut stream: &TcpStream, request: &str) -> io::Result<()> {
    const IN_FLIGHT: usize = 1000;
    let mut writer = stream.try_clone()?;
    let requests = request.repeat(IN_FLIGHT);
    thread::scope(|scope| {
        scope.spawn(move || while writer.write_all(requests.as_bytes()).is_ok() {});
        let mut chunk = vec![0; 64 * 1024];
        while stream.read(&mut chunk)? > 0 {}
        Ok(())
    })
}
