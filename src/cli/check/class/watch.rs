//! What the processes of a submission use, and ending them when that is too much.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::{fmt, io};

use crate::check;
use crate::confined;
use crate::limits;

/// Watches all descendants of this process until it is dropped. Then they are killed.
pub(super) struct Watch {
    watched: Arc<Watched>,
    watching: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Watched {
    /// Bytes of the output.
    written: Arc<AtomicU64>,
    /// A directory of which the size is limited; `None` if the system limits it.
    files: Option<PathBuf>,
    exceeded: OnceLock<String>,
    is_over: AtomicBool,
}

impl Watch {
    /// Watches from now on.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn start(files: Option<&Path>) -> io::Result<Self> {
        let watched = Watched { files: files.map(Path::to_path_buf), ..Watched::default() };
        let watched = Arc::new(watched);
        let watching = Arc::clone(&watched);
        let watching = thread::Builder::new().name("watch".into()).spawn(move || watching.run())?;
        Ok(Self { watched, watching: Some(watching) })
    }

    /// Counts the bytes of the output.
    pub(super) fn written(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.watched.written)
    }

    /// Ends what is left of a program. An error is the limit that was exceeded: it is not started again.
    pub(super) fn sweep(&self) -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
        let watched = Arc::clone(&self.watched);
        move || {
            confined::kill_descendants();
            watched
                .exceeded
                .get()
                .map_or(Ok(()), |exceeded| Err(io::Error::other(exceeded.clone())))
        }
    }

    /// A limit that was exceeded, after which all processes were killed.
    pub(super) fn exceeded(&self) -> Option<&str> {
        self.watched.exceeded.get().map(String::as_str)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watched.is_over.store(true, Ordering::Relaxed);
        if let Some(watching) = self.watching.take() {
            // It does not panic.
            let _ = watching.join();
        }
        confined::kill_descendants();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.watched.fmt(f)
    }
}

impl Watched {
    fn run(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            confined::reap_orphans(check::is_awaited);
            if let Some(exceeded) = self.find_exceeded() {
                let _ = self.exceeded.set(format!("{exceeded}, and was ended"));
                confined::kill_descendants();
                return;
            }
            thread::sleep(limits::SUBMISSION_WATCH);
        }
    }

    fn find_exceeded(&self) -> Option<String> {
        if self.written.load(Ordering::Relaxed) > limits::SUBMISSION_OUTPUT {
            return Some(format!("wrote more than {} of output", size(limits::SUBMISSION_OUTPUT)));
        }
        // It can lower the limit of open files of this process, if it runs as the same user.
        let Ok(processes) = confined::descendants() else {
            return Some("has processes that could not be watched".into());
        };
        let memory = processes.iter().map(|process| process.memory).sum::<u64>();
        if memory > limits::SUBMISSION_MEMORY {
            let most = size(limits::SUBMISSION_MEMORY);
            return Some(format!("used more than {most} of memory in all its processes"));
        }
        let (bytes, files) = confined::size_of_tree(self.files.as_deref()?);
        let (most, count) = (limits::SUBMISSION_FILES, limits::SUBMISSION_FILE_COUNT);
        (bytes > most || files > count)
            .then(|| format!("wrote more than {} or {count} files", size(most)))
    }
}

/// A number of bytes in the largest binary unit of which it is a multiple.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, bits)| bytes.trailing_zeros() >= *bits);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(name, bits)| format!("{} {name}", bytes >> bits),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_shown_with_their_units() {
        assert_eq!(size(limits::SUBMISSION_OUTPUT), "8 MiB");
        assert_eq!(size(limits::SUBMISSION_MEMORY), "2 GiB");
        assert_eq!(size(limits::SUBMISSION_FILES), "256 MiB");
        assert_eq!((size(1536), size(7)), ("1536 bytes".into(), "7 bytes".into()));
    }
}
