//! A sample of the numbers of a program each ten seconds, for one hour.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::program::{Kind, Series, StatusPage};
use crate::limits;

/// The samples of the last hour.
#[derive(Debug)]
pub(super) struct Samples {
    series: &'static [Series],
    started: Instant,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug)]
struct State {
    /// The values of the last sample, and when it was taken.
    last: (Instant, Vec<u64>),
    samples: VecDeque<Sample>,
    /// The number of samples that were taken so far.
    count: u64,
    is_ended: bool,
}

/// What is drawn: when, in seconds since the start, and the values.
#[derive(Clone, Debug)]
struct Sample {
    at: f64,
    values: Vec<f64>,
}

impl Samples {
    /// Begins with these values.
    pub(super) fn new(series: &'static [Series], values: Vec<u64>) -> Self {
        let started = Instant::now();
        let last = (started, values);
        let state = State { last, samples: VecDeque::new(), count: 0, is_ended: false };
        Self { series, started, state: Mutex::new(state), ended: Condvar::new() }
    }

    /// Time since the start.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Adds a sample.
    fn add(&self, now: Instant, values: Vec<u64>) {
        let mut state = self.lock();
        let (before, last) = &state.last;
        let seconds = now.saturating_duration_since(*before).as_secs_f64().max(0.001);
        let drawn = |((series, value), last): ((&Series, &u64), &u64)| match series.kind {
            Kind::Level => number(*value),
            Kind::Rate => (number(value.saturating_sub(*last)) / seconds * 100.0).round() / 100.0,
        };
        let drawn = self.series.iter().zip(&values).zip(last).map(drawn).collect();
        let at = now.saturating_duration_since(self.started).as_secs_f64();
        if state.samples.len() == limits::SAMPLES {
            state.samples.pop_front();
        }
        state.samples.push_back(Sample { at: at.round(), values: drawn });
        state.count += 1;
        state.last = (now, values);
    }

    /// All samples, and the number of samples that were taken so far.
    pub(super) fn all(&self) -> (Vec<Value>, u64) {
        let state = self.lock();
        (state.samples.iter().map(Sample::described).collect(), state.count)
    }

    /// The last sample, and the number of samples that were taken so far, if that is not `seen`.
    pub(super) fn last(&self, seen: u64) -> Option<(Value, u64)> {
        let state = self.lock();
        let last = state.samples.back().filter(|_| state.count != seen);
        last.map(|last| (last.described(), state.count))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic leaves a sample out, which is harmless.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sample {
    fn described(&self) -> Value {
        let all: Vec<f64> = [self.at].iter().chain(&self.values).copied().collect();
        json!(all)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a drawing needs no exact numbers")]
fn number(value: u64) -> f64 {
    value as f64
}

/// The thread that takes samples, until this is dropped.
#[derive(Debug)]
pub struct Sampler {
    samples: Arc<Samples>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    pub(super) fn start(samples: Arc<Samples>, program: Arc<impl StatusPage>) -> io::Result<Self> {
        let taken = Arc::clone(&samples);
        let work = move || {
            while !taken.is_ended_within(limits::SAMPLE_INTERVAL) {
                taken.add(Instant::now(), program.values());
            }
        };
        let thread = thread::Builder::new().name("samples".into()).spawn(work)?;
        Ok(Self { samples, thread: Some(thread) })
    }
}

impl Samples {
    fn is_ended_within(&self, time: Duration) -> bool {
        let waited = self.ended.wait_timeout_while(self.lock(), time, |state| !state.is_ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_ended
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.samples.lock().is_ended = true;
        self.samples.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_page::program::Unit;

    const SERIES: [Series; 2] = [
        Series { name: "a", label: "A", unit: Unit::Count, kind: Kind::Rate },
        Series { name: "b", label: "B", unit: Unit::Bytes, kind: Kind::Level },
    ];

    #[test]
    fn an_hour_of_rates_and_levels() {
        let samples = Samples::new(&SERIES, vec![5, 7]);
        assert!(samples.last(0).is_none() && samples.all().0.is_empty());
        let mut now = samples.started;
        for number in 1..=2 * limits::SAMPLES as u64 {
            now += limits::SAMPLE_INTERVAL;
            samples.add(now, vec![5 + 25 * number, number]);
        }
        let (all, count) = samples.all();
        assert_eq!((all.len(), count), (limits::SAMPLES, 720));
        assert_eq!(all[359], json!([7200.0, 2.5, 720.0]));
        assert_eq!(samples.last(719), Some((all[359].clone(), 720)));
        assert!(samples.last(720).is_none());
        // A total that was reset.
        samples.add(now + limits::SAMPLE_INTERVAL, vec![0, 0]);
        assert_eq!(samples.last(0).unwrap().0, json!([7210.0, 0.0, 0.0]));
    }
}
