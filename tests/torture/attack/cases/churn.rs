//! Many peers and records for a long time, while others come and go (protocol.md sections 4.6 and 4.8).
//!
//! Resident memory is not memory in use. Removed entries of a hash table leave marks, because of which a table
//! that is more than half full doubles once, after some ten thousand peers. The C library keeps freed memory,
//! in several arenas. Each reaches its largest size sooner or later, and all of them keep it. The test
//! `departed_peers` counts the bytes in use, which are equal after any number of peers. Here the memory is
//! measured when so many peers have come and gone that the tables and arenas do not grow any more.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::latency::Honest;
use crate::attack::report::Report;
use crate::common::output::print_error;
use crate::common::programs::Index;
use crate::common::talk::{Talk, add, list, lookup, records, status};

pub(super) fn churn(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const WORKERS: usize = 4;
    let (peers, each, coming) = setting.size((8_900, 113, 1000), (890, 113, 100));
    // First as fast as possible, which is bounded in time, then slowly.
    let warm_up: u64 = setting.size(1_000_000, 100_000);
    let warm_up_time = Duration::from_secs(setting.size(10 * 60, 90));
    let time = Duration::from_secs(setting.size(20 * 60, 60));
    let index = Index::with(&["--log", "quiet"])?;
    let honest = Honest::join(index.address, report)?;
    let mut model = BTreeSet::new();
    model.insert("RFC 793 Transmission Control Protocol honest 5678".to_string());
    let mut staying = Vec::new();
    for peer in 0..peers {
        let mut talk = Talk::from(4096 + peer as u16 / 4000, index.address)?;
        let mut requests = String::new();
        for record in 0..each {
            let number = ((peer * each + record) % 9148 + 10_000) as u32;
            requests += &add(number, &format!("peer-{peer}"), 5678, "A Title");
            model.insert(format!("RFC {number} A Title peer-{peer} 5678"));
        }
        talk.say(requests)?;
        for _ in 0..each {
            talk.reply()?;
        }
        staying.push(talk);
    }
    let usage = || index.usage().ok_or_else(|| io::Error::other("the server is gone"));
    let before = usage()?;
    report.figure("peers that stay", f64::from(peers), "");
    report.figure("their records", model.len() as f64, "");
    let (stop, is_warm, joined, wrong) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (stop, is_warm) = (Arc::clone(&stop), Arc::clone(&is_warm));
            let (joined, wrong) = (Arc::clone(&joined), Arc::clone(&wrong));
            let address = index.address;
            thread::spawn(move || {
                let mut here: Vec<Talk> = Vec::new();
                let mut number = worker;
                while !stop.load(Ordering::Relaxed) {
                    number += WORKERS;
                    match come(address, number, worker) {
                        Ok(talk) => here.push(talk),
                        Err(error) => {
                            print_error(format_args!("torture: {error}"));
                            wrong.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    joined.fetch_add(1, Ordering::Relaxed);
                    if here.len() >= coming / WORKERS {
                        // Any of them leaves, without REMOVE.
                        here.swap_remove(number * 31 % here.len());
                    }
                    if is_warm.load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_millis(4));
                    }
                }
            })
        })
        .collect();
    let begun = Instant::now();
    while joined.load(Ordering::Relaxed) < warm_up && begun.elapsed() < warm_up_time {
        thread::sleep(Duration::from_millis(100));
    }
    is_warm.store(true, Ordering::Relaxed);
    let asking = honest.keep_asking();
    report.figure("peers before the measurement", joined.load(Ordering::Relaxed) as f64, "");
    let begun = Instant::now();
    let mut samples = Vec::new();
    while begun.elapsed() < time {
        thread::sleep(Duration::from_secs(1));
        samples.push((begun.elapsed().as_secs_f64() / 60.0, usage()?.memory as f64 / 1048576.0));
    }
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().map_err(|_| io::Error::other("a panic"))?;
    }
    let _honest = asking.held(report)?;
    report.figure("peers that came and went", joined.load(Ordering::Relaxed) as f64, "");
    report.require("no honest request had a wrong answer", wrong.load(Ordering::Relaxed) == 0);
    let slope = slope(&samples);
    report.figure("memory", samples.last().map_or(0.0, |(_, memory)| *memory), "MiB");
    report.figure("its slope", slope, "MiB/min");
    report.require("less than 1 MiB a minute", slope < 1.0);
    let begun = Instant::now();
    let mut after = usage()?;
    while after.threads > before.threads && begun.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(50));
        after = usage()?;
    }
    report.require("threads and descriptors are where they were", {
        after.threads <= before.threads && after.files <= before.files
    });
    let listed = staying[0].ask(list())?;
    let listed: BTreeSet<String> = records(&listed).into_iter().map(String::from).collect();
    report.require("the index equals the model", listed == model);
    Ok(())
}

/// A peer comes, adds three records, takes one back, and looks whether the index agrees.
fn come(address: std::net::SocketAddr, number: usize, worker: usize) -> io::Result<Talk> {
    let mut talk = Talk::from(8192 + worker as u16, address)?;
    let host = format!("coming-{number}");
    let rfc = 100_000 + number as u32 % 800_000;
    for own in 0..3 {
        talk.ask(add(rfc + own, &host, 5678, "Coming"))?;
    }
    let remove = format!("REMOVE RFC {rfc} P2P-CI/1.0\r\nHost: {host}\r\nPort: 5678\r\n\r\n");
    let removed = talk.ask(remove)?;
    let here = talk.ask(lookup(rfc + 1))?;
    let is_right = status(&removed) == "200"
        && records(&here).iter().any(|record| record.ends_with(&format!("{host} 5678")))
        && !talk.ask(lookup(rfc))?.contains(&format!(" {host} "));
    if is_right {
        return Ok(talk);
    }
    Err(io::Error::other(format!("a wrong answer: {removed:?}, then {here:?}")))
}

/// Of a line through the samples, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|sample| sample.0), mean(&|sample| sample.1));
    let above: f64 = samples.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum();
    let below: f64 = samples.iter().map(|sample| (sample.0 - x).powi(2)).sum();
    if below == 0.0 { 0.0 } else { above / below }
}
