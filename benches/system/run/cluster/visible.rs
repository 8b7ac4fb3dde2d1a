//! The time until an ADD at one server is seen at another one, while others add.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::store::Store;
use crate::common::programs::PATIENCE;
use crate::common::talk::{Talk, add, lookup, status};
use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::probe::millis;
use crate::run::samples::Latencies;

const SECTION: &str = "cluster";
/// Connections that add meanwhile.
const ADDING: usize = 8;
/// Time between two batches of one of them.
const TICK: Duration = Duration::from_millis(4);

/// Measures it at this number of other ADDs per second.
pub(super) fn visible(setting: &Setting, findings: &mut Findings, rate: f64) -> io::Result<()> {
    let store = Store::start()?;
    let (a, b) = (store.server()?, store.server()?);
    let (mut to, mut at) = (Talk::to(a.address)?, Talk::to(b.address)?);
    let (is_over, added) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begun = Instant::now();
    let (times, elapsed) = thread::scope(|scope| {
        let running: Vec<_> = (0..ADDING)
            .map(|connection| {
                let (is_over, added) = (&is_over, &added);
                scope.spawn(move || load(a.address, connection, rate, is_over, added))
            })
            .collect();
        let measured = (|| {
            let mut times = Vec::new();
            let mut number = 1_000_000;
            while begun.elapsed() < setting.time * 4 || times.len() < 100 {
                number += 1;
                let sent = Instant::now();
                to.ask(add(number, "probe", 5678, "A Title"))?;
                while status(&at.ask(lookup(number))?) != "200" {
                    if sent.elapsed() > PATIENCE {
                        return Err(io::Error::other("an ADD is not seen at the other server"));
                    }
                }
                times.push(sent.elapsed());
                thread::sleep(Duration::from_micros(500));
            }
            Ok(times)
        })();
        is_over.store(true, Ordering::Relaxed);
        let elapsed = begun.elapsed();
        for one in running {
            one.join().map_err(|_| io::Error::other("a panic"))??;
        }
        measured.map(|times| (times, elapsed))
    })?;
    let reached = added.load(Ordering::Relaxed) as f64 / elapsed.as_secs_f64();
    findings.figure(
        SECTION,
        "ADD at one server meanwhile (half of the rate)",
        &[reached],
        "requests/s",
    );
    let times = Latencies::of(times);
    for percent in [50.0, 99.0] {
        let work = format!("from an ADD until another server lists it: p{percent}");
        findings.figure(SECTION, work, &[millis(times.percentile(percent))], "ms");
    }
    Ok(())
}

/// Adds at an equal share of the rate, in small batches.
fn load(
    address: SocketAddr,
    connection: usize,
    rate: f64,
    is_over: &AtomicBool,
    added: &AtomicUsize,
) -> io::Result<()> {
    let mut talk = Talk::to(address)?;
    let begun = Instant::now();
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * rate / ADDING as f64) as usize;
        // What it is behind by more than a few batches is not sent later.
        let count = (due - sent.min(due)).min(256);
        let requests: String = (0..count)
            .map(|at| {
                let host = format!("peer-{connection}");
                add(
                    10_000 + (sent + at) as u32 % 30_000,
                    &host,
                    5678,
                    "A Title of the Usual Length",
                )
            })
            .collect();
        talk.pipeline(requests.as_bytes(), count)?;
        added.fetch_add(count, Ordering::Relaxed);
        sent = due;
        thread::sleep(TICK);
    }
    Ok(())
}
