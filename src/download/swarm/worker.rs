//! A worker of a swarm: it downloads ranges from one holder, and from the next one when that holder
//! fails (protocol.md section 5.6).

use std::ops::Range;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{IdleHolder, POLL, Report, Swarm};
use crate::download::backoff::Readiness;
use crate::download::exchange::{Exchange, GetRequest, Patience, Pipeline, Response};
use crate::download::model::{GetForm, Source, TransferError};
use crate::download::transfer::{MinRate, PreferredRates};
use crate::protocol::{ContentRange, Endpoint};

/// The most bytes that are skipped to use a response that has begun.
const SKIPPED: u64 = 256 * 1024;

impl Swarm {
    /// Downloads from one holder after another, until the document is complete or no holder is left.
    pub(super) fn work(&self, worker: usize) {
        loop {
            let (mut idle, first) = {
                let mut state = self.lock();
                if state.is_over {
                    return;
                }
                let Some(idle) = state.idle.pop_front() else { return };
                (idle, state.first.take())
            };
            let holder = &idle.source.holder;
            match self.admission.check(&idle.source) {
                Ok(()) => {
                    self.lock().reports.push(Report::Asking(holder.clone()));
                    let busy = self.admission.stats.busy(holder);
                    let is_slow = self.fetch_from(worker, &idle, first);
                    drop(busy);
                    if is_slow {
                        idle.is_late = true;
                        self.lock().idle.push_back(idle);
                    }
                }
                Err(error) => self.report(holder, error),
            }
        }
    }

    fn report(&self, holder: &Endpoint, error: TransferError) {
        self.lock().reports.push(Report::Failed(holder.clone(), error));
        self.changed.notify_all();
    }

    /// Downloads ranges from one holder, until the document is complete or the holder fails. Returns
    /// whether it was slow while others could be asked.
    fn fetch_from(&self, worker: usize, idle: &IdleHolder, mut first: Option<Response>) -> bool {
        let holder = &idle.source.holder;
        let mut fruitless = 0;
        while let Some(range) = self.next_range(worker, holder) {
            let (begun, before) = (Instant::now(), self.delivered_by(holder));
            let Err(error) = self.fetch_range(worker, idle, &range, first.take()) else {
                fruitless = 0;
                continue;
            };
            let mut state = self.lock();
            state.segments.release(worker);
            if state.is_over || self.dialer.cancel.is_cancelled() {
                return false;
            }
            if let TransferError::File(error) = error {
                state.file_error = Some(error);
                self.changed.notify_all();
                return false;
            }
            state.stops = state.stops.saturating_add(u32::from(error.is_late()));
            drop(state);
            if error.has_stopped(&self.dialer.limits) {
                self.admission.stats.stopped(holder, begun);
            }
            let error = match error {
                TransferError::Slow { bytes, time } if self.preferred_rates.is_some() => {
                    self.admission.stats.slow(holder, bytes, time);
                    TransferError::Deferred(time)
                }
                TransferError::Slow { bytes, time } | TransferError::TooSlow { bytes, time }
                    if matches!(error, TransferError::Slow { .. }) || self.has_early() =>
                {
                    self.admission.stats.slow(holder, bytes, time);
                    self.report(holder, error);
                    return true;
                }
                TransferError::TooSlow { time, .. } if self.has_others => {
                    TransferError::Deferred(time)
                }
                error => error,
            };
            let has_progressed = self.delivered_by(holder) > before;
            fruitless = if has_progressed { 0 } else { fruitless + 1 };
            let is_early = matches!(error, TransferError::Deferred(_));
            // It may have another version, and not know ranges: it is asked without a range later.
            let may_be_strict = self.delivered_by(holder) == 0
                && idle.source.content.digest != Some(self.digest)
                && error.may_refuse_extensions();
            if is_early {
                self.admission.stats.silent(holder);
            } else if error.is_fault_of_holder() && !error.is_about_version() && !may_be_strict {
                self.admission.stats.failed(holder);
            }
            let limits = &self.dialer.limits;
            let resumes =
                error.is_transient() && !is_early && !may_be_strict && fruitless < limits.tries;
            self.report(holder, error);
            match self.admission.stats.readiness(holder) {
                _ if !resumes => return false,
                Readiness::GivenUp => return false,
                Readiness::BackedOff(rest) => self.rest(rest),
                Readiness::Ready => self.rest(limits.retry),
            }
        }
        false
    }

    /// Whether holders of this version are left that were not slow.
    fn has_early(&self) -> bool {
        self.lock().idle.iter().any(|idle| !idle.is_late)
    }

    fn delivered_by(&self, holder: &Endpoint) -> u64 {
        self.lock().delivered.get(holder).copied().unwrap_or(0)
    }

    /// The next range of this worker; `None` if the download is over.
    #[allow(clippy::cast_precision_loss, reason = "a rate is not exact anyway")]
    pub(super) fn next_range(&self, worker: usize, holder: &Endpoint) -> Option<Range<u64>> {
        let speed = self.admission.stats.speed(holder);
        let rate = speed.bytes_per_second.unwrap_or(1024 * 1024) as f64;
        let mut state = self.lock();
        loop {
            if state.is_over || state.segments.is_done() {
                return None;
            }
            if let Some(range) = state.segments.take(worker, rate, Instant::now()) {
                return Some(range);
            }
            let waited = self.changed.wait_timeout(state, POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn rest(&self, pause: Duration) {
        let waited = self.changed.wait_timeout_while(self.lock(), pause, |state| {
            !state.is_over && !state.segments.is_done()
        });
        drop(waited);
    }

    fn fetch_range(
        &self,
        worker: usize,
        idle: &IdleHolder,
        range: &Range<u64>,
        first: Option<Response>,
    ) -> Result<(), TransferError> {
        let source = &idle.source;
        let begun = Instant::now();
        let response = match first.filter(|first| begins_before(first, range)) {
            Some(first) => first,
            None => self.ask(source, range, idle.is_late)?,
        };
        let has_others = !idle.is_late && self.has_early();
        // Another holder continues the range, so an unproven holder is given up soon.
        let usual = PreferredRates::usual(&self.dialer.limits);
        let preferred_rates = match self.admission.stats.is_proven(&source.holder) {
            true => usual,
            false => {
                let (limits, stops) = (&self.dialer.limits, self.lock().stops);
                let stopped_after = limits.halved_for_segment(usual.stopped_after, stops);
                let slow_after = limits.halved_for_segment(limits.first_byte_unproven, stops);
                PreferredRates { stopped_after, slow_after, ..usual }
            }
        };
        let preferred_rates = if has_others { Some(preferred_rates) } else { self.preferred_rates };
        let rate = MinRate::new(&self.dialer.limits, self.patience, preferred_rates);
        let received = self.receive(worker, &source.holder, range, response, rate);
        self.lock().receiving.remove(&worker);
        let bytes = received?;
        self.admission.stats.transferred(&source.holder, bytes, begun.elapsed());
        Ok(())
    }

    /// Requests a range from a holder, and waits for the head of the response.
    fn ask(
        &self,
        source: &Source,
        range: &Range<u64>,
        is_late: bool,
    ) -> Result<Response, TransferError> {
        let holder = &source.holder;
        let is_wanted = || !self.lock().is_over;
        let is_proven = self.admission.stats.is_proven(holder);
        let trial = loop {
            if is_proven || !is_wanted() {
                break None;
            }
            match self.admission.begin_trial(source, is_late) {
                Some(trial) => break Some(trial),
                None => self.admission.trials.wait(POLL),
            }
        };
        // The holder may have failed in another download meanwhile.
        self.admission.check(source)?;
        let request = GetRequest {
            holder,
            document: &self.document,
            want_digest: true,
            form: GetForm::Grammar,
            range: Some(range.clone().into()),
        };
        let (has_others, stops) = {
            let state = self.lock();
            (state.workers > 1 || !state.idle.is_empty(), state.stops)
        };
        let limits = &self.dialer.limits;
        let patience = match has_others && !is_proven {
            true => Patience::after_others(limits, stops),
            false => Patience::full(limits),
        };
        let beginning = if is_proven { 0 } else { limits.beginning };
        let mut pipeline = Pipeline::default();
        Exchange::begin(&self.dialer, &mut pipeline, source, request, trial)?.run(
            &self.dialer,
            patience,
            beginning,
            &is_wanted,
        )
    }
}

/// Whether the bytes that follow a head soon reach this segment.
fn begins_before(response: &Response, range: &Range<u64>) -> bool {
    let first = response.head.content_range.map_or(0, ContentRange::first);
    range.start.checked_sub(first).is_some_and(|skipped| skipped <= SKIPPED)
}
