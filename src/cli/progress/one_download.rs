//! The progress of one download.

use std::fmt;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar};

use super::display::{PlainLines, amount, bar, fitting};
use super::recent_rate::{RecentRate, mean_rate, time_left};
use crate::cli::values::quantity::{rate, size};
use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::peer::DownloadProgress;
use crate::protocol::Document;

/// A download that takes less time than this needs no bar.
const SHOWN_AFTER: Duration = Duration::from_millis(300);

/// The display of one download.
pub(in crate::cli) struct OneDownload {
    document: Document,
    bar: Option<ProgressBar>,
    lines: PlainLines,
    begun: Instant,
    received: Option<Received>,
}

/// The bytes that a download has received.
struct Received {
    bytes: u64,
    /// The number of bytes that were stored at the last event.
    here: u64,
    rate: RecentRate,
}

impl OneDownload {
    pub(in crate::cli) fn new(document: &Document) -> Self {
        let (lines, begun) = (PlainLines::new(), Instant::now());
        Self { document: document.clone(), bar: None, lines, begun, received: None }
    }

    pub(in crate::cli) fn show(&mut self, attempt: &DownloadProgress<'_>) {
        match attempt {
            DownloadProgress::Asking(holder) => log::info!("asking {holder}"),
            DownloadProgress::Receiving(_) => {}
            DownloadProgress::Failed(holder, error) => {
                self.aside(|| log::warn!("{holder}: {}", error_chain(error)));
            }
            DownloadProgress::Bytes(done, all) => self.progress(*done, *all),
            DownloadProgress::Retrying(error, _) if error.is_in_use() => self.aside(|| {
                log::warn!("another process is downloading {} here: waiting for it", self.document);
            }),
            DownloadProgress::Retrying(_, pause) => self.aside(|| {
                let seconds = pause.as_secs() + 1;
                log::warn!("{} is tried again in {}", self.document, counted(seconds, "second"));
            }),
        }
    }

    fn progress(&mut self, done: u64, all: Option<u64>) {
        let now = Instant::now();
        // Bytes that were stored before the first event were not received. A later event may begin with
        // fewer bytes than another holder had delivered.
        let new = || Received { bytes: 0, here: done, rate: RecentRate::new(now) };
        let received = self.received.get_or_insert_with(new);
        let count = done.saturating_sub(std::mem::replace(&mut received.here, done));
        received.bytes = received.bytes.saturating_add(count);
        let rate = received.rate.at(now, received.bytes);
        let document = &self.document;
        self.lines.print(|| {
            let amount = amount(received.bytes, rate);
            let share = all.filter(|all| *all > 0).map(|all| done.saturating_mul(100) / all);
            let share = share.map_or_else(|| size(done), |share| format!("{share} %"));
            format!("{document}: {share}, {amount}")
        });
        if self.begun.elapsed() >= SHOWN_AFTER {
            let bar = self.bar.get_or_insert_with(|| bar(all));
            bar.set_position(done);
            bar.set_message(fitting(bar_texts(done, all, rate)));
        }
    }

    /// Prints something without disturbing the bar.
    pub(in crate::cli) fn aside(&self, speak: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(speak),
            None => speak(),
        }
    }

    /// Removes the bar, and returns what was transferred.
    pub(in crate::cli) fn end(&self) -> Transfer {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let bytes = self.received.as_ref().map_or(0, |received| received.bytes);
        Transfer { bytes, time: self.begun.elapsed() }
    }
}

/// The bytes that a download has received, without those of earlier ones, and its duration.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Transfer {
    bytes: u64,
    time: Duration,
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, time } = *self;
        match time.as_millis() {
            milliseconds @ ..1000 => write!(f, "{milliseconds} ms")?,
            _ => write!(f, "{:.1} s", time.as_secs_f64())?,
        }
        write!(f, ", {}", rate(mean_rate(bytes, time)))
    }
}

/// The texts next to the bar of one document, the longest first.
fn bar_texts(done: u64, all: Option<u64>, at: Option<u64>) -> [String; 2] {
    let all_bytes = all.map_or_else(String::new, |all| format!(" of {}", size(all)));
    let left = all.and_then(|all| time_left(all.saturating_sub(done), at));
    let left = left.map_or_else(String::new, |left| format!(", {} left", HumanDuration(left)));
    let at = at.map_or_else(String::new, |at| format!(", {}", rate(at)));
    let done = size(done);
    [format!("{done}{all_bytes}{at}{left}"), format!("{done}{left}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::table::shown_width;
    use crate::cli::progress::display::BAR_WIDTH;

    #[test]
    fn a_bar_shows_rate_and_time_left_when_they_are_known() {
        let text = |done, all, at| bar_texts(done, all, at)[0].clone();
        assert_eq!(text(1024, Some(4096), None), "1.00 KiB of 4.00 KiB");
        assert_eq!(
            text(1024, Some(4096), Some(1024)),
            "1.00 KiB of 4.00 KiB, 1.00 KiB/s, 3 seconds left"
        );
        assert_eq!(text(1024, None, Some(512)), "1.00 KiB, 512 B/s");
        assert_eq!(text(1, Some(u64::MAX), Some(0)), "1 byte of 16.00 EiB, 0 B/s");
        assert_eq!(bar_texts(1024, Some(4096), Some(1024))[1], "1.00 KiB, 3 seconds left");
        // On a terminal of 80 columns nothing is left out.
        let long = text(1023 << 20, Some(500 << 30), Some(200 << 20));
        assert!(shown_width(&long) + BAR_WIDTH <= 80, "{long}");
    }

    /// The summary counted from the second read of each document on.
    #[test]
    fn bytes_of_one_download_count_from_the_resumed_part() {
        let mut one = OneDownload::new(&Document::Rfc("1".parse().unwrap()));
        // The second holder resumes a byte before the end of what the first one has delivered.
        for done in [500, 600, 700, 699, 900, 0, 50] {
            one.progress(done, Some(1000));
        }
        assert_eq!(one.received.map(|received| received.bytes), Some(200 + 201 + 50));
    }
}
