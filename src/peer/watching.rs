//! Keeping the library true to its folder.
//!
//! A thread looks the folder over when the system says that something has happened there, and from
//! time to time for what the system did not say. What the system says is only taken as a reason to
//! look: so nothing depends on events being complete, in order, or there at all.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use notify::{Config, EventKindMask, RecommendedWatcher, RecursiveMode, Watcher};

use crate::escape::escaped;
use crate::library::{Depth, SharedLibrary};
use crate::protocol::Document;
use crate::{limits, system};

/// What the folder's documents do is logged under this target, at level info.
pub const LOG_LIBRARY: &str = "p2p_ci::library";

/// A thread that watches a library's folder. It ends when it is dropped.
#[derive(Debug)]
pub struct Watching {
    wake: SyncSender<Wake>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wake {
    Look,
    Stop,
}

impl Watching {
    /// Starts watching. `changed` is told of each document that is shared from now on, is another
    /// one now, or is gone.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        library: SharedLibrary,
        changed: impl Fn(&Document) + Send + 'static,
    ) -> io::Result<Self> {
        // One look that is due is enough.
        let (wake, wakes) = sync_channel(1);
        let waker = wake.clone();
        let work = move || {
            let watcher = watch(&library, waker);
            let period = match watcher {
                Some(_) => limits::LOOK_OVER,
                None => limits::LOOK_OVER_UNWATCHED,
            };
            keep(&library, &wakes, period, &changed);
        };
        let thread = thread::Builder::new().name("library".into()).spawn(work)?;
        Ok(Self { wake, thread: Some(thread) })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // If a look is due, there is no room, and it is done first.
        let _ = self.wake.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

/// Asks the system to say when something happens; nothing if it cannot, which is said.
fn watch(library: &SharedLibrary, wake: SyncSender<Wake>) -> Option<RecommendedWatcher> {
    let (folder, depth) = {
        let library = library.read();
        (library.folder().to_path_buf(), library.depth())
    };
    let mode = match depth {
        Depth::Folder => RecursiveMode::NonRecursive,
        Depth::Tree => RecursiveMode::Recursive,
    };
    if system::is_network_folder(&folder) {
        say_unwatched(&folder, &"it is on a network, which does not tell of changes elsewhere");
        return None;
    }
    // That a file was read is no change, and this program reads them: each document that it uploads
    // would wake a thread.
    let config = Config::default().with_event_kinds(EventKindMask::CORE);
    let look = move |_: notify::Result<notify::Event>| {
        // If there is no room, a look is due already.
        let _ = wake.try_send(Wake::Look);
    };
    let mut watcher = RecommendedWatcher::new(look, config);
    match watcher.as_mut().map(|watcher| watcher.watch(&folder, mode)) {
        Ok(Ok(())) => watcher.ok(),
        Ok(Err(error)) => {
            say_unwatched(&folder, &error);
            None
        }
        Err(error) => {
            say_unwatched(&folder, error);
            None
        }
    }
}

fn say_unwatched(folder: &Path, reason: &dyn std::fmt::Display) {
    let folder = escaped(folder.as_os_str().as_encoded_bytes());
    let period = limits::LOOK_OVER_UNWATCHED.as_secs();
    log::warn!("`{folder}` cannot be watched ({reason}): it is looked over every {period} seconds");
}

fn keep(
    library: &SharedLibrary,
    wakes: &Receiver<Wake>,
    period: Duration,
    changed: &dyn Fn(&Document),
) {
    let mut failure = None;
    let mut wait = Duration::ZERO;
    loop {
        match wakes.recv_timeout(wait) {
            Ok(Wake::Look) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        let begun = Instant::now();
        let look = library.look_over();
        let took = begun.elapsed();
        match look {
            Ok(look) => {
                for document in &look.changed {
                    say(library, document);
                    changed(document);
                }
                failure = None;
                wait = if look.is_unsettled { limits::LOOK_AGAIN } else { period };
            }
            Err(error) => {
                let error = error.to_string();
                if failure.as_ref() != Some(&error) {
                    log::warn!("cannot look over the folder: {error}");
                }
                failure = Some(error);
                wait = limits::LOOK_OVER_UNWATCHED;
            }
        }
        // A folder in which something happens all the time is looked over once a second, a very
        // large one less often.
        let rest = limits::LOOK_AGAIN.max(took * 10);
        let until = Instant::now() + rest;
        let mut is_due = false;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match wakes.recv_timeout(left) {
                Ok(Wake::Look) => is_due = true,
                Err(RecvTimeoutError::Timeout) => break,
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        wait = if is_due { Duration::ZERO } else { wait.saturating_sub(rest) };
    }
}

fn say(library: &SharedLibrary, document: &Document) {
    match library.read().entry(document) {
        Some(entry) => {
            let title = escaped(entry.title().as_str());
            log::info!(target: LOG_LIBRARY, "{document} is shared: {title}");
        }
        None => log::info!(target: LOG_LIBRARY, "{document} is not shared any more"),
    }
}
