//! How far downloads are, on standard error: a bar on a terminal, a plain line now and then
//! elsewhere. What fails is said in both places.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::report;
use super::many::failures;
use super::remaining::Remaining;
use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::peer::{Attempt, Fetched, Happening};
use crate::protocol::Document;

/// A bar for one download.
const ONE: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
/// The same if nobody has said how long the document is.
const ONE_OF_ANY_LENGTH: &str = "{spinner} {bytes}, {bytes_per_sec}";
/// A bar for many downloads, in bytes.
const MANY: &str = "{bar:30} {msg}";

/// What takes less time than this needs no bar.
const SHOWN_AFTER: Duration = Duration::from_millis(300);
/// Time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// The display of one download.
pub(super) struct OneDownload {
    document: Document,
    bar: Option<ProgressBar>,
    lines: PlainLines,
    begun: Instant,
    /// What was here before.
    kept: Option<u64>,
}

impl OneDownload {
    pub(super) fn new(document: &Document) -> Self {
        let (lines, begun) = (PlainLines::new(), Instant::now());
        Self { document: document.clone(), bar: None, lines, begun, kept: None }
    }

    pub(super) fn show(&mut self, attempt: &Attempt<'_>) {
        match attempt {
            Attempt::Asking(holder) => log::info!("asking {holder}"),
            Attempt::Failed(holder, error) => {
                self.aside(|| log::warn!("{holder}: {}", error_chain(error)));
            }
            Attempt::Progress(done, all) => self.progress(*done, *all),
            Attempt::Waits(error, _) if error.is_in_use() => self.aside(|| {
                log::warn!("another process is downloading {} here: waiting for it", self.document);
            }),
            Attempt::Waits(_, pause) => self.aside(|| {
                let seconds = pause.as_secs() + 1;
                log::warn!("{} is tried again in {seconds} seconds", self.document);
            }),
        }
    }

    fn progress(&mut self, done: u64, all: Option<u64>) {
        let kept = *self.kept.get_or_insert(done);
        let time = self.begun.elapsed();
        let document = &self.document;
        self.lines.say(|| {
            let amount = amount(done.saturating_sub(kept), time);
            let share = all.filter(|all| *all > 0).map(|all| done.saturating_mul(100) / all);
            let share = share.map_or_else(|| format!("{done} bytes"), |share| format!("{share} %"));
            format!("{document}: {share}, {amount}")
        });
        if time >= SHOWN_AFTER {
            let bar = self.bar.get_or_insert_with(|| {
                let bar = bar(all, if all.is_some() { ONE } else { ONE_OF_ANY_LENGTH });
                bar.set_position(done);
                // What is here by now came in no time, as far as the bar knows.
                bar.reset_eta();
                bar
            });
            bar.set_position(done);
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
    remaining: Remaining,
}

impl ManyDownloads {
    /// The display of these downloads, and of documents that have failed before.
    pub(super) fn new(downloads: usize, failed: usize) -> Self {
        let all = downloads.saturating_add(failed);
        // Its length follows when the length of a document is known.
        let (bar, lines) = (bar(Some(all as u64), MANY), PlainLines::new());
        let remaining = Remaining::new(downloads);
        let (begun, fetched, present, bytes) = (Instant::now(), 0, 0, 0);
        Self { bar, lines, begun, all, fetched, present, failed, bytes, remaining }
    }

    pub(super) fn show(&mut self, happening: &Happening<'_>) {
        match happening {
            Happening::Bytes(count) => {
                self.bytes += count;
                self.update();
            }
            Happening::Running(document, here, length) => {
                self.remaining.run(document, *here, *length);
            }
            Happening::Waits(document, error, _) if error.is_in_use() => self.aside(|| {
                log::warn!("{document}: another process is downloading it here; waiting for that");
            }),
            Happening::Waits(document, error, pause) => {
                log::debug!("{document} is tried again in {pause:?}: {}", error_chain(error));
            }
            Happening::Committed(_) => {}
            Happening::Fetched(order, fetched, _) => {
                self.fetched += 1;
                self.remaining.complete(&order.wanted.document, fetched.length);
                self.update();
                self.aside(|| warn_of_length(&order.wanted.document, fetched));
            }
            Happening::Present(order) => {
                self.present += 1;
                self.remaining.end(&order.wanted.document);
                self.update();
            }
            Happening::GivenUp(order, error) => {
                self.failed += 1;
                self.remaining.end(&order.wanted.document);
                self.update();
                self.aside(|| {
                    report("peer", error);
                    for (holder, error) in failures(error) {
                        log::warn!("{}: {holder}: {}", order.wanted.document, error_chain(error));
                    }
                });
            }
        }
    }

    /// Shows how far all downloads are.
    fn update(&mut self) {
        let Self { bar, lines, remaining, bytes, all, .. } = self;
        let done = self.fetched + self.present + self.failed;
        let time = self.begun.elapsed();
        let line = || {
            let amount = amount(*bytes, time);
            let left = remaining
                .time(*bytes, time)
                .map_or_else(String::new, |left| format!(", about {} left", HumanDuration(left)));
            format!("{done} of {all} documents, {amount}{left}")
        };
        lines.say(line);
        if !bar.is_hidden() {
            let left = remaining.bytes().unwrap_or(u64::MAX);
            bar.set_length(bytes.saturating_add(left));
            bar.set_position(*bytes);
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

    fn amount(&self) -> String {
        amount(self.bytes, self.begun.elapsed())
    }

    pub(super) fn summary(&self, time: Duration) -> String {
        let Self { all, fetched, present, failed, .. } = *self;
        let amount = self.amount();
        let seconds = time.as_secs_f64();
        let others = match present {
            0 => String::new(),
            count => format!(", {count} saved by other processes"),
        };
        format!(
            "{fetched} of {all} documents fetched, {amount}{others}, {failed} failed, {seconds:.1} s"
        )
    }
}

/// Warns of a document that may be truncated without anybody noticing.
pub(super) fn warn_of_length(document: &Document, fetched: &Fetched) {
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

/// Bytes, and bytes a second.
fn amount(bytes: u64, time: Duration) -> String {
    let rate = u128::from(bytes) * 1000 / time.as_millis().max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    format!("{}, {}/s", HumanBytes(bytes), HumanBytes(rate))
}
