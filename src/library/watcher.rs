//! Scans the shared directory when it changes (protocol.md section 9).
//!
//! A thread scans the directory when the system reports a change in it, and at intervals. A report only
//! starts a scan, so reports may be lost, repeated, or in any order. Every second the thread checks
//! whether the path leads to another directory, and whether file systems were mounted or unmounted
//! below it. Then it watches the directory again.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::catalog::SharedLibrary;
use super::directory::Depth;
use crate::escape::escaped;
use crate::protocol::Document;
use crate::system::{DirectoryId, DirectoryWatch, Mounts, Report};
use crate::{limits, system};

/// The log target of messages about added, changed and removed documents, at level info.
pub const LOG_LIBRARY: &str = "p2p_ci::library";

/// A thread that watches a library's directory. Dropping this ends the thread.
#[derive(Debug)]
pub struct Watcher {
    wake: SyncSender<Wake>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wake {
    Scan,
    Stop,
}

impl Watcher {
    /// Starts watching. `changed` is called with each document that was added, has changed, or is
    /// gone.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        library: SharedLibrary,
        limits: limits::Library,
        changed: impl Fn(&Document) + Send + 'static,
    ) -> io::Result<Self> {
        library.write().scan_state.quiet_time = limits.quiet_time;
        // One queued wake-up is enough, because a scan covers all changes.
        let (wake, wakes) = sync_channel(1);
        let waker = wake.clone();
        let work = move || {
            let directories: Vec<(PathBuf, Depth)> = {
                let library = library.read();
                let others =
                    library.others().iter().map(|other| (other.path.to_path_buf(), other.depth));
                std::iter::once((library.directory().to_path_buf(), library.depth()))
                    .chain(others)
                    .collect()
            };
            let watch = |(directory, depth)| Watch::new(directory, depth, limits, waker.clone());
            let watches = Watches { limits, all: directories.into_iter().map(watch).collect() };
            watch_and_scan(&library, watches, &wakes, &changed);
        };
        let thread = thread::Builder::new().name("library".into()).spawn(work)?;
        Ok(Self { wake, thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // If a scan is queued, this waits until it begins.
        let _ = self.wake.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

/// The system's reports about a directory.
struct Watch {
    directory: PathBuf,
    depth: Depth,
    limits: limits::Library,
    wake: SyncSender<Wake>,
    reports: Option<DirectoryWatch>,
    /// The directory at the path when watching began.
    identity: Option<DirectoryId>,
    mounts: Mounts,
    /// Whether reports were lost, the directory was moved or removed, or the mounts have changed.
    is_stale: Arc<AtomicBool>,
    /// Whether it was logged that there are no reports.
    has_logged: bool,
}

impl Watch {
    fn new(
        directory: PathBuf,
        depth: Depth,
        limits: limits::Library,
        wake: SyncSender<Wake>,
    ) -> Self {
        let is_stale = Arc::default();
        let mut watch = Self {
            directory,
            depth,
            limits,
            wake,
            reports: None,
            identity: None,
            mounts: Mounts::new(),
            is_stale,
            has_logged: false,
        };
        watch.begin();
        watch
    }

    /// Watches again if the path leads to another directory, or reports were lost. Returns whether
    /// that is so.
    fn check(&mut self) -> bool {
        let is_outdated = self.is_outdated();
        if is_outdated {
            self.is_stale.store(false, Ordering::Relaxed);
            self.begin();
        }
        is_outdated
    }

    fn is_outdated(&self) -> bool {
        // The system reports a change of the mounts only once.
        if self.mounts.have_changed() {
            self.is_stale.store(true, Ordering::Relaxed);
        }
        self.is_stale.load(Ordering::Relaxed)
            || system::directory_id(&self.directory) != self.identity
    }

    /// The time after which the directory is scanned without a report.
    fn period(&self) -> Duration {
        match self.reports {
            Some(_) => self.limits.rescan_interval,
            None => self.limits.rescan_interval_unwatched,
        }
    }

    /// Requests reports from the system. If there are none, this is logged once.
    fn begin(&mut self) {
        self.reports = None;
        // Noted before the directory is watched, so that its replacement is noticed.
        self.identity = system::directory_id(&self.directory);
        if self.identity.is_none() {
            return;
        }
        let reports = if system::is_network_directory(&self.directory) {
            Err("it is on a network, which does not report changes by others".into())
        } else {
            self.reports().map_err(|error| error.to_string())
        };
        match reports {
            Ok(reports) => self.reports = Some(reports),
            Err(reason) if !self.has_logged => {
                log_unwatched(&self.directory, &reason, self.limits.rescan_interval_unwatched);
                self.has_logged = true;
            }
            Err(_) => {}
        }
    }

    fn reports(&self) -> io::Result<DirectoryWatch> {
        let (wake, is_stale) = (self.wake.clone(), Arc::clone(&self.is_stale));
        let report = move |report| {
            if report == Report::Ended {
                is_stale.store(true, Ordering::Relaxed);
            }
            // If the queue is full, a scan is queued already.
            let _ = wake.try_send(Wake::Scan);
        };
        DirectoryWatch::start(&self.directory, self.depth == Depth::Tree, report)
    }
}

/// The watches of all directories.
struct Watches {
    limits: limits::Library,
    all: Vec<Watch>,
}

impl Watches {
    /// Watches again where it is necessary, and returns whether it was.
    fn check(&mut self) -> bool {
        self.all.iter_mut().filter_map(|watch| watch.check().then_some(())).count() > 0
    }

    fn is_outdated(&self) -> bool {
        self.all.iter().any(Watch::is_outdated)
    }

    /// The time after which the directories are scanned without a report.
    fn period(&self) -> Duration {
        let periods = self.all.iter().map(Watch::period);
        periods.min().unwrap_or(self.limits.rescan_interval)
    }
}

/// The shortest time from the end of a scan to the next one. A directory in which files change all
/// the time is scanned once a second, and less often if a scan takes long. A scan that was slow because
/// the machine is busy does not postpone the next one for long.
fn rest_after(limits: &limits::Library, took: Duration) -> Duration {
    let longest = limits.scan_pause_max.max(took.saturating_mul(2));
    took.saturating_mul(10).min(longest).max(limits.rescan_delay)
}

/// The time after which a part of the directory is read again that could not be read in this number of
/// scans: the system does not report that a disk has recovered.
fn retry_after(limits: &limits::Library, incomplete: u32) -> Duration {
    limits.rescan_delay.saturating_mul(2u32.saturating_pow(incomplete.saturating_sub(1)))
}

fn log_unwatched(directory: &Path, reason: &str, period: Duration) {
    let directory = escaped(directory.as_os_str().as_encoded_bytes());
    let period = period.as_secs();
    log::warn!("`{directory}` cannot be watched ({reason}): it is scanned every {period} seconds");
}

fn watch_and_scan(
    library: &SharedLibrary,
    mut watch: Watches,
    wakes: &Receiver<Wake>,
    changed: &dyn Fn(&Document),
) {
    let (limits, mut failure) = (watch.limits, None);
    // Scans in a row that could not read a part of the directory.
    let mut incomplete: u32 = 0;
    let mut due = Instant::now();
    loop {
        // Another directory at the path is noticed between two scans as well.
        let wait = due.saturating_duration_since(Instant::now()).min(limits.rescan_delay);
        match wakes.recv_timeout(wait) {
            Ok(Wake::Scan) => due = Instant::now(),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        let begun = Instant::now();
        let is_other = watch.check();
        if begun < due && !is_other {
            continue;
        }
        // A panic costs one scan, or one report.
        let scan = catch_unwind(AssertUnwindSafe(|| library.rescan()));
        let scan = scan.unwrap_or_else(|_| Err(io::Error::other("the scan has panicked")));
        let took = begun.elapsed();
        let wait = match scan {
            Ok(scan) => {
                for document in &scan.changed {
                    log_change(library, document);
                    let _ = catch_unwind(AssertUnwindSafe(|| changed(document)));
                }
                failure = None;
                incomplete = if scan.is_incomplete { incomplete.saturating_add(1) } else { 0 };
                match incomplete {
                    _ if scan.has_unstable => limits.rescan_delay,
                    0 => watch.period(),
                    count => retry_after(&limits, count).min(watch.period()),
                }
            }
            Err(error) => {
                let error = error.to_string();
                if failure.as_ref() != Some(&error) {
                    log::warn!("cannot scan the shared directory: {error}");
                }
                failure = Some(error);
                limits.rescan_interval_unwatched
            }
        };
        let rest = rest_after(&limits, took);
        let end = Instant::now();
        let until = limits::end_of(end, rest);
        due = limits::end_of(end, wait.max(rest));
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match wakes.recv_timeout(left.min(limits.rescan_delay)) {
                Ok(Wake::Scan) => due = until,
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            // After lost reports, or with another directory at the path, the next scan is immediate.
            if watch.is_outdated() {
                break;
            }
        }
    }
}

fn log_change(library: &SharedLibrary, document: &Document) {
    let title = library.read().entry(document).map(|entry| entry.title().clone());
    match title {
        Some(title) => {
            let title = escaped(title.as_str());
            log::info!(target: LOG_LIBRARY, "{document} is shared: {title}");
        }
        None => log::info!(target: LOG_LIBRARY, "{document} is not shared any more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scan that took two seconds because the machine was busy postponed the next one by twenty.
    #[test]
    fn a_slow_scan_does_not_postpone_the_next_one_for_long() {
        let milliseconds = Duration::from_millis;
        for (took, rest) in [
            (1, 1_000),
            (150, 1_500),
            (300, 3_000),
            (1_000, 3_000),
            (2_000, 4_000),
            (10_000, 20_000),
        ] {
            assert_eq!(
                rest_after(&limits::Library::DEFAULT, milliseconds(took)),
                milliseconds(rest),
                "{took} ms"
            );
        }
    }

    /// A file that was written during a failure of the disk was listed a minute after its end.
    #[test]
    fn a_part_of_a_directory_that_could_not_be_read_is_read_again_soon() {
        let after = |count| retry_after(&limits::Library::DEFAULT, count).as_secs();
        assert_eq!([1, 2, 3, 7].map(after), [1, 2, 4, 64]);
        assert!(after(u32::MAX) > 60, "the period of the watch is shorter");
    }
}
