//! How far downloads are, on standard error: a bar on a terminal, a plain line now and then
//! elsewhere. What fails is said in both places.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::report;
use super::many::failures;
use super::recent_rate::{RecentRate, time_left};
use super::remaining::Remaining;
use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::peer::{CompletedDownload, DownloadEvent, DownloadProgress};
use crate::protocol::Document;

/// A bar, in bytes. Rates are computed here: those of the bar begin with absurd values.
const BAR: &str = "{bar:30} {msg}";
/// The same if nobody has said how long the document is.
const OF_ANY_LENGTH: &str = "{spinner} {msg}";

/// A download that takes less time than this needs no bar.
const SHOWN_AFTER: Duration = Duration::from_millis(300);
/// Time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// The display of one download.
pub(super) struct OneDownload {
    document: Document,
    bar: Option<ProgressBar>,
    lines: PlainLines,
    begun: Instant,
    received: Option<Received>,
}

/// The bytes that a download has received.
struct Received {
    bytes: u64,
    /// How many bytes of the document were there at the last event.
    here: u64,
    rate: RecentRate,
}

impl OneDownload {
    pub(super) fn new(document: &Document) -> Self {
        let (lines, begun) = (PlainLines::new(), Instant::now());
        Self { document: document.clone(), bar: None, lines, begun, received: None }
    }

    pub(super) fn show(&mut self, attempt: &DownloadProgress<'_>) {
        match attempt {
            DownloadProgress::Asking(holder) => log::info!("asking {holder}"),
            DownloadProgress::Failed(holder, error) => {
                self.aside(|| log::warn!("{holder}: {}", error_chain(error)));
            }
            DownloadProgress::Bytes(done, all) => self.progress(*done, *all),
            DownloadProgress::Retrying(error, _) if error.is_in_use() => self.aside(|| {
                log::warn!("another process is downloading {} here: waiting for it", self.document);
            }),
            DownloadProgress::Retrying(_, pause) => self.aside(|| {
                let seconds = pause.as_secs() + 1;
                log::warn!("{} is tried again in {seconds} seconds", self.document);
            }),
        }
    }

    fn progress(&mut self, done: u64, all: Option<u64>) {
        let now = Instant::now();
        // Bytes that were here before the first event were not received. A later event may begin with
        // less than another holder had delivered.
        let new = || Received { bytes: 0, here: done, rate: RecentRate::new(now) };
        let received = self.received.get_or_insert_with(new);
        let count = done.saturating_sub(std::mem::replace(&mut received.here, done));
        received.bytes = received.bytes.saturating_add(count);
        let rate = received.rate.at(now, received.bytes);
        let document = &self.document;
        self.lines.say(|| {
            let amount = amount(received.bytes, rate);
            let share = all.filter(|all| *all > 0).map(|all| done.saturating_mul(100) / all);
            let share = share.map_or_else(|| format!("{done} bytes"), |share| format!("{share} %"));
            format!("{document}: {share}, {amount}")
        });
        if self.begun.elapsed() >= SHOWN_AFTER {
            let template = if all.is_some() { BAR } else { OF_ANY_LENGTH };
            let bar = self.bar.get_or_insert_with(|| bar(all, template));
            bar.set_position(done);
            bar.set_message(bar_text(done, all, rate));
        }
    }

    /// Says something without disturbing the bar.
    pub(super) fn aside(&self, speak: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(speak),
            None => speak(),
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The display of many downloads.
pub(super) struct ManyDownloads {
    bar: ProgressBar,
    lines: PlainLines,
    begun: Instant,
    all: usize,
    fetched: usize,
    /// Those that other processes have saved meanwhile.
    present: usize,
    failed: usize,
    bytes: u64,
    /// From the first byte on.
    rate: Option<RecentRate>,
    remaining: Remaining,
    /// Thousandths of the bytes that the bar shows.
    shown: u64,
}

impl ManyDownloads {
    /// The display of these downloads, and of documents that have failed before.
    pub(super) fn new(downloads: usize, failed: usize) -> Self {
        let all = downloads.saturating_add(failed);
        // Its length follows when the length of a document is known.
        let (bar, lines) = (bar(Some(all as u64), BAR), PlainLines::new());
        let remaining = Remaining::new(downloads);
        let (begun, fetched, present, bytes) = (Instant::now(), 0, 0, 0);
        let (rate, shown) = (None, 0);
        Self { bar, lines, begun, all, fetched, present, failed, bytes, rate, remaining, shown }
    }

    pub(super) fn show(&mut self, happening: &DownloadEvent<'_>) {
        match happening {
            DownloadEvent::Bytes(count) => {
                self.bytes = self.bytes.saturating_add(*count);
                self.update();
            }
            DownloadEvent::Running(document, here, length) => {
                self.remaining.run(document, *here, *length);
            }
            DownloadEvent::Retrying(document, error, _) if error.is_in_use() => self.aside(|| {
                log::warn!("{document}: another process is downloading it here; waiting for that");
            }),
            DownloadEvent::Retrying(document, error, pause) => {
                log::debug!("{document} is tried again in {pause:?}: {}", error_chain(error));
            }
            DownloadEvent::Committed(_) => {}
            DownloadEvent::Completed(order, fetched, _) => {
                self.fetched += 1;
                self.remaining.complete(&order.request.document, fetched.length);
                self.update();
                self.aside(|| warn_of_length(&order.request.document, fetched));
            }
            DownloadEvent::Present(order) => {
                self.present += 1;
                self.remaining.end(&order.request.document);
                self.update();
            }
            DownloadEvent::GivenUp(order, error) => {
                self.failed += 1;
                self.remaining.end(&order.request.document);
                self.update();
                self.aside(|| {
                    report("peer", error);
                    let document = &order.request.document;
                    for (holder, error) in failures(error) {
                        log::warn!("{document}: {holder}: {}", error_chain(error));
                    }
                    if let Some(kept) = error.kept() {
                        log::warn!(
                            "{document}: {kept} bytes are kept: the next download resumes there"
                        );
                    }
                });
            }
        }
    }

    /// Shows how far all downloads are.
    fn update(&mut self) {
        let Self { bar, lines, remaining, bytes, all, shown, .. } = self;
        let done = self.fetched + self.present + self.failed;
        let now = Instant::now();
        if *bytes > 0 && self.rate.is_none() {
            self.rate = Some(RecentRate::new(now));
        }
        let rate = self.rate.as_mut().and_then(|rate| rate.at(now, *bytes));
        let line = || {
            let amount = amount(*bytes, rate);
            let left = remaining.bytes().and_then(|left| time_left(left, rate));
            let left = left
                .map_or_else(String::new, |left| format!(", about {} left", HumanDuration(left)));
            format!("{done} of {all} documents, {amount}{left}")
        };
        lines.say(line);
        if !bar.is_hidden() {
            let left = remaining.bytes().unwrap_or(u64::MAX);
            // The estimate of what is left can grow; a bar that runs backwards says nothing.
            *shown = forward(*shown, *bytes, left);
            bar.set_length(1000);
            bar.set_position(*shown);
            bar.set_message(line());
        }
    }

    /// Says something without disturbing the bar.
    pub(super) fn aside(&self, speak: impl FnOnce()) {
        self.bar.suspend(speak);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    pub(super) fn summary(&self, time: Duration) -> String {
        let Self { all, fetched, present, failed, .. } = *self;
        let amount = amount(self.bytes, Some(mean_rate(self.bytes, self.begun.elapsed())));
        let seconds = time.as_secs_f64();
        let others = match present {
            0 => String::new(),
            count => format!(", {count} saved by another process"),
        };
        // Downloads that end early leave documents of which nothing was reported.
        let left = all.saturating_sub(fetched).saturating_sub(present).saturating_sub(failed);
        let failed = match left {
            0 => format!("{failed} failed"),
            left => format!("{} not fetched", left.saturating_add(failed)),
        };
        format!("{fetched} of {all} documents fetched, {amount}{others}, {failed}, {seconds:.1} s")
    }
}

/// Warns of a document that may be truncated without anybody noticing.
pub(super) fn warn_of_length(document: &Document, fetched: &CompletedDownload) {
    if let (false, Some(holder)) = (fetched.length_checked, fetched.holders.first()) {
        let holder = escaped(&holder.to_string()).to_string();
        log::warn!("{holder} did not send the length of {document}: it may be truncated");
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(length: Option<u64>, template: &str) -> ProgressBar {
    let target = match io::stderr().is_terminal() && length != Some(0) {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(length, target);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.set_style(style),
        Err(error) => log::debug!("the bar has no style: {error}"),
    }
    bar
}

/// Lines where there is no terminal.
struct PlainLines {
    /// When the last one was said; nothing on a terminal.
    last: Option<Instant>,
}

impl PlainLines {
    fn new() -> Self {
        Self { last: (!io::stderr().is_terminal()).then(Instant::now) }
    }

    /// Says a line if it is time for one.
    fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(last) = &mut self.last
            && last.elapsed() >= PLAIN_EVERY
        {
            *last = Instant::now();
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{}", line());
        }
    }
}

/// Bytes, and bytes per second if that is known.
fn amount(bytes: u64, rate: Option<u64>) -> String {
    let rate = rate.map_or_else(String::new, |rate| format!(", {}/s", HumanBytes(rate)));
    format!("{}{rate}", HumanBytes(bytes))
}

/// What a bar shows next, in thousandths: never less than before.
fn forward(shown: u64, bytes: u64, left: u64) -> u64 {
    shown.max(thousandths(bytes, bytes.saturating_add(left)))
}

/// The share of `all` in thousandths.
fn thousandths(done: u64, all: u64) -> u64 {
    let share = u128::from(done) * 1000 / u128::from(all.max(1));
    u64::try_from(share).unwrap_or(1000)
}

/// Bytes per second of a whole command.
fn mean_rate(bytes: u64, time: Duration) -> u64 {
    let rate = u128::from(bytes) * 1000 / time.as_millis().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

/// The text next to the bar of one document.
fn bar_text(done: u64, all: Option<u64>, rate: Option<u64>) -> String {
    let all_bytes = all.map_or_else(String::new, |all| format!(" of {}", HumanBytes(all)));
    let left = all.and_then(|all| time_left(all.saturating_sub(done), rate));
    let left = left.map_or_else(String::new, |left| format!(", {} left", HumanDuration(left)));
    let rate = rate.map_or_else(String::new, |rate| format!(", {}/s", HumanBytes(rate)));
    format!("{}{all_bytes}{rate}{left}", HumanBytes(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_rate_and_time_left_when_they_are_known() {
        assert_eq!(bar_text(1024, Some(4096), None), "1.00 KiB of 4.00 KiB");
        assert_eq!(
            bar_text(1024, Some(4096), Some(1024)),
            "1.00 KiB of 4.00 KiB, 1.00 KiB/s, 3 seconds left"
        );
        assert_eq!(bar_text(1024, None, Some(512)), "1.00 KiB, 512 B/s");
        assert_eq!(bar_text(1, Some(u64::MAX), Some(0)), "1 B of 16.00 EiB, 0 B/s");
    }

    #[test]
    fn a_bar_of_many_downloads_runs_forward_when_more_is_left_than_expected() {
        assert_eq!(thousandths(5, 10), 500);
        assert_eq!(thousandths(u64::MAX, u64::MAX), 1000);
        // The second document is larger than it was expected to be.
        let shown = forward(0, 90, 10);
        assert_eq!((shown, forward(shown, 91, 1_000_000)), (900, 900));
        assert_eq!(forward(shown, 1_000, 0), 1000);
    }

    /// The summary counted from the second read of each document on.
    #[test]
    fn bytes_of_one_download_count_from_what_was_here_before() {
        let mut one = OneDownload::new(&Document::Rfc("1".parse().unwrap()));
        // The second holder resumes a byte before the end of what the first one has delivered.
        for done in [500, 600, 700, 699, 900, 0, 50] {
            one.progress(done, Some(1000));
        }
        assert_eq!(one.received.map(|received| received.bytes), Some(200 + 201 + 50));
    }
}
