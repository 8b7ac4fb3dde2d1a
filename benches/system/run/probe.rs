//! How long a single peer waits, at an idle index and at one under load.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::common::talk::Talk;
use crate::run::samples::Latencies;

/// A peer that says the same again and again, a little apart as people do.
pub(crate) struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Vec<Duration>>>,
}

impl Probe {
    pub(crate) fn start(
        address: SocketAddr,
        request: impl Fn(usize) -> String + Send + 'static,
    ) -> io::Result<Self> {
        const APART: Duration = Duration::from_micros(100);
        let mut talk = Talk::to(address)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut times = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let request = request(times.len());
                let begun = Instant::now();
                talk.ask(request)?;
                times.push(begun.elapsed());
                thread::sleep(APART);
            }
            Ok(times)
        });
        Ok(Self { stop, thread })
    }

    pub(crate) fn stop(self) -> io::Result<Latencies> {
        self.stop.store(true, Ordering::Relaxed);
        let times = self.thread.join().map_err(|_| io::Error::other("a panic"))?;
        times.map(Latencies::of)
    }

    /// The latency without other load.
    pub(crate) fn alone(
        address: SocketAddr,
        time: Duration,
        request: impl Fn(usize) -> String + Send + 'static,
    ) -> io::Result<Latencies> {
        let probe = Self::start(address, request)?;
        thread::sleep(time);
        probe.stop()
    }
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
