//! How long an honest peer waits for LOOKUP, on the idle server and under attack.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::attack::report::Report;
use crate::common::talk::{Talk, add, lookup, records};

/// The number that the honest peer asks for.
const NUMBER: u32 = 793;

/// Times of many requests, in order.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        let at = (self.0.len() as f64 * percent / 100.0) as usize;
        self.0.get(at.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    pub(crate) fn most(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// An honest peer, which has one record of its own and asks for it.
pub(crate) struct Honest {
    talk: Talk,
    /// The idle server's 99th percentile.
    base: Duration,
}

/// The same peer while it asks all the time.
pub(crate) struct Asking {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<(Talk, Vec<Duration>)>>,
    base: Duration,
}

impl Honest {
    /// Joins, and measures the base: 20,000 requests.
    pub(crate) fn join(address: SocketAddr, report: &mut Report) -> io::Result<Self> {
        const REQUESTS: usize = 20_000;
        let mut talk = Talk::to(address)?;
        talk.ask(add(NUMBER, "honest", 5678, "Transmission Control Protocol"))?;
        let mut times = Vec::with_capacity(REQUESTS);
        for _ in 0..REQUESTS {
            times.push(ask(&mut talk)?);
        }
        times.sort_unstable();
        let base = Latencies(times).percentile(99.0);
        report.figure("LOOKUP, p99 on the idle server", millis(base), "ms");
        Ok(Self { talk, base })
    }

    /// Asks from now on, in a thread.
    pub(crate) fn keep_asking(self) -> Asking {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (mut talk, base) = (self.talk, self.base);
        let thread = thread::spawn(move || {
            let mut times = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                times.push(ask(&mut talk)?);
                // A person does not ask in a loop, and a loop would be half of the load.
                thread::sleep(Duration::from_micros(200));
            }
            Ok((talk, times))
        });
        Asking { stop, thread, base }
    }
}

impl Asking {
    /// Ends it, and says whether the server has held.
    pub(crate) fn held(self, report: &mut Report) -> io::Result<Honest> {
        self.stop.store(true, Ordering::Relaxed);
        let outcome = self.thread.join().map_err(|_| io::Error::other("a panic"))?;
        let (talk, mut times) = outcome?;
        times.sort_unstable();
        let latencies = Latencies(times);
        let (p99, most) = (latencies.percentile(99.0), latencies.most());
        report.figure("LOOKUPs meanwhile", latencies.len() as f64, "");
        report.figure("LOOKUP, p99 meanwhile", millis(p99), "ms");
        report.figure("LOOKUP, the longest meanwhile", millis(most), "ms");
        let bound = (self.base * 2).max(Duration::from_millis(2));
        report.require_time("held: p99 at most max(2 x base, 2 ms)", p99 <= bound);
        Ok(Honest { talk, base: self.base })
    }
}

fn ask(talk: &mut Talk) -> io::Result<Duration> {
    let begun = Instant::now();
    let reply = talk.ask(lookup(NUMBER))?;
    let time = begun.elapsed();
    let own = " honest 5678";
    if !records(&reply).iter().any(|record| record.ends_with(own)) {
        return Err(io::Error::other(format!("expected a record, found {reply:?}")));
    }
    Ok(time)
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
