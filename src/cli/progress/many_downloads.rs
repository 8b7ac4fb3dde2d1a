//! The progress of many downloads.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};
use serde_json::{Value, json};

use super::display::{PlainLines, amount, bar, fitting, warn_of_length};
use super::recent_rate::{RecentRate, mean_rate, time_left};
use super::remaining::Remaining;
use crate::cli::downloads::many::failures;
use crate::cli::errors::report::report;
use crate::cli::program::called;
use crate::cli::values::quantity::message_size;
use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::peer::DownloadEvent;
use crate::protocol::Document;

/// The display of many downloads.
pub(in crate::cli) struct ManyDownloads {
    bar: ProgressBar,
    lines: PlainLines,
    begun: Instant,
    all: usize,
    fetched: usize,
    /// Documents that other processes have saved.
    present: usize,
    failed: usize,
    bytes: u64,
    /// The rate since the first byte.
    rate: Option<RecentRate>,
    remaining: Remaining,
    /// Thousandths of the bytes that the bar shows.
    shown: u64,
}

impl ManyDownloads {
    /// A display of these downloads, and of documents that have already failed.
    pub(in crate::cli) fn new(downloads: usize, failed: usize) -> Self {
        let all = downloads.saturating_add(failed);
        // The bar counts bytes as soon as the length of a document is known.
        let (bar, lines) = (bar(Some(all as u64)), PlainLines::new());
        let remaining = Remaining::new(downloads);
        let (begun, fetched, present, bytes) = (Instant::now(), 0, 0, 0);
        let (rate, shown) = (None, 0);
        Self { bar, lines, begun, all, fetched, present, failed, bytes, rate, remaining, shown }
    }

    /// The length that a document probably has, as the index knows it.
    pub(in crate::cli) fn expect(&mut self, document: &Document, length: u64) {
        self.remaining.expect(document, length);
    }

    pub(in crate::cli) fn show(&mut self, event: &DownloadEvent<'_>) {
        match event {
            DownloadEvent::Bytes(count) => {
                self.bytes = self.bytes.saturating_add(*count);
                self.update();
            }
            DownloadEvent::Running(document, received) => {
                if let Some(length) = received.length {
                    self.remaining.run(document, received.bytes, length);
                }
            }
            DownloadEvent::Retrying(document, error, _) if error.is_in_use() => self.aside(|| {
                log::warn!("{document}: another process is downloading it here; waiting for that");
            }),
            DownloadEvent::Retrying(document, error, pause) => {
                log::debug!("{document} is tried again in {pause:?}: {}", error_chain(error));
            }
            DownloadEvent::Committed(_) => {}
            DownloadEvent::Completed(job, fetched, _) => {
                self.fetched += 1;
                self.remaining.complete(&job.request.document, fetched.length);
                self.update();
                self.aside(|| warn_of_length(&job.request.document, fetched));
            }
            DownloadEvent::Present(job) => {
                self.present += 1;
                self.remaining.end(&job.request.document);
                self.update();
            }
            DownloadEvent::GivenUp(job, error) => {
                self.failed += 1;
                self.remaining.end(&job.request.document);
                self.update();
                self.aside(|| {
                    report(&called("peer"), error);
                    let document = &job.request.document;
                    for (holder, error) in failures(error) {
                        log::warn!("{document}: {holder}: {}", error_chain(error));
                    }
                    if let Some(kept) = error.kept() {
                        let kept = message_size(kept);
                        log::warn!("{document}: {kept} kept: the next download resumes there");
                    }
                });
            }
        }
    }

    /// Shows the progress of all downloads.
    fn update(&mut self) {
        let Self { bar, lines, remaining, bytes, all, shown, .. } = self;
        let done = self.fetched + self.present + self.failed;
        let now = Instant::now();
        if *bytes > 0 && self.rate.is_none() {
            self.rate = Some(RecentRate::new(now));
        }
        let rate = self.rate.as_mut().and_then(|rate| rate.at(now, *bytes));
        if bar.is_hidden() && !lines.is_due() {
            return;
        }
        let amount = amount(*bytes, rate);
        let time = remaining.bytes().and_then(|left| time_left(left, rate));
        let time = time.map(|time| HumanDuration(time).to_string());
        let about = time.as_ref().map_or_else(String::new, |time| format!(", about {time} left"));
        let line = format!("{done} of {all} documents, {amount}{about}");
        lines.print(|| line.clone());
        if !bar.is_hidden() {
            let left = remaining.bytes().unwrap_or(u64::MAX);
            // The estimate of the remaining bytes can grow, but the bar does not move backwards.
            *shown = forward(*shown, *bytes, left);
            bar.set_length(1000);
            bar.set_position(*shown);
            let left = time.map_or_else(String::new, |time| format!(", {time} left"));
            let short =
                [format!("{done} of {all}, {amount}{left}"), format!("{done} of {all}{left}")];
            let [middle, shortest] = short;
            bar.set_message(fitting([line, middle, shortest]));
        }
    }

    /// Prints something without disturbing the bar.
    pub(in crate::cli) fn aside(&self, speak: impl FnOnce()) {
        self.bar.suspend(speak);
    }

    pub(in crate::cli) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// The documents that have failed, and those that are left if downloads end early.
    fn not_fetched(&self) -> usize {
        self.all.saturating_sub(self.fetched).saturating_sub(self.present)
    }

    /// The summary as an object.
    pub(in crate::cli) fn json(&self, time: Duration) -> Value {
        json!({
            "v": 1, "documents": self.all, "downloaded": self.fetched, "present": self.present,
            "failed": self.not_fetched(), "bytes": self.bytes,
            "seconds": Duration::from_millis(time.as_millis().try_into().unwrap_or(u64::MAX)).as_secs_f64(),
        })
    }

    pub(in crate::cli) fn summary(&self, time: Duration) -> String {
        let Self { all, fetched, present, failed, .. } = *self;
        let amount = amount(self.bytes, Some(mean_rate(self.bytes, self.begun.elapsed())));
        let seconds = time.as_secs_f64();
        let others = match present {
            0 => String::new(),
            count => format!(", {count} saved by another process"),
        };
        let failed = match self.not_fetched() {
            count if count == failed => format!("{failed} failed"),
            count => format!("{count} not fetched"),
        };
        let all = counted(all, "document");
        format!("{fetched} of {all} fetched, {amount}{others}, {failed}, {seconds:.1} s")
    }
}

/// The next position of a bar, in thousandths: never less than before.
fn forward(shown: u64, bytes: u64, left: u64) -> u64 {
    shown.max(thousandths(bytes, bytes.saturating_add(left)))
}

/// The share of `all` in thousandths.
fn thousandths(done: u64, all: u64) -> u64 {
    let share = u128::from(done) * 1000 / u128::from(all.max(1));
    u64::try_from(share).unwrap_or(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_of_many_downloads_runs_forward_when_more_is_left_than_expected() {
        assert_eq!(thousandths(5, 10), 500);
        assert_eq!(thousandths(u64::MAX, u64::MAX), 1000);
        // The second document is larger than it was expected to be.
        let shown = forward(0, 90, 10);
        assert_eq!((shown, forward(shown, 91, 1_000_000)), (900, 900));
        assert_eq!(forward(shown, 1_000, 0), 1000);
    }
}
