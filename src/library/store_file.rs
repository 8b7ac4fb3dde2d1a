//! A small text file in which several processes of one user store what they have learned.
//!
//! It is replaced as a whole and synced, and read up to a limit. Processes replace it one after the
//! other, so that none loses what another has stored. A FIFO or link of its name is neither waited for
//! nor followed.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::partial::PartialFile;
use crate::escape::escaped_path;
use crate::system;

/// The longest wait for other processes. A process that was stopped while it was storing may never
/// resume. Whatever it loses is only learned again.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store at a path.
#[derive(Debug)]
pub struct StoreFile {
    path: PathBuf,
    /// The largest number of bytes. A longer file was not written by this program.
    most: u64,
}

impl StoreFile {
    /// A store of at most this many bytes at this path.
    pub fn new(path: &Path, most: u64) -> Self {
        Self { path: path.into(), most }
    }

    /// The stored text; `None` if there is none, or it was not written by this program.
    pub fn read(&self) -> Option<String> {
        let file = system::open_existing(&self.path).ok()?;
        let mut text = String::new();
        let count = file.take(self.most.saturating_add(1)).read_to_string(&mut text).ok()?;
        (count as u64 <= self.most).then_some(text)
    }

    /// Stores the text that `merge` returns for the stored one.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn replace(&self, merge: impl FnOnce(Option<String>) -> String) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let _lock = self.lock()?;
        let text = merge(self.read());
        let partial = PartialFile::begin(&self.path)?;
        partial.file().write_all(text.as_bytes())?;
        partial.commit(true).map(drop)
    }

    /// Waits until no other process is storing. The lock is held while the returned file is open. It is
    /// a separate file, because each replacement makes the store another file.
    fn lock(&self) -> io::Result<File> {
        let path = self.path.with_extension("lock");
        let file = system::open_part(&path, true).map_err(|error| {
            let text = format!("cannot use the lock file `{}`: {error}", escaped_path(&path));
            io::Error::new(error.kind(), text)
        })?;
        let begun = Instant::now();
        while let Err(TryLockError::WouldBlock) = file.try_lock()
            && begun.elapsed() < PATIENCE
        {
            thread::sleep(Duration::from_millis(2));
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn processes_that_store_at_the_same_time_lose_nothing() {
        const PROGRAMS: usize = 3;
        const TIMES: usize = 20;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/store");
        let begin = Barrier::new(PROGRAMS);
        thread::scope(|scope| {
            for program in 0..PROGRAMS {
                let (path, begin) = (&path, &begin);
                scope.spawn(move || {
                    begin.wait();
                    for time in 0..TIMES {
                        let store = StoreFile::new(path, 1 << 20);
                        let merge = |text: Option<String>| {
                            format!("{}{program}-{time}\n", text.unwrap_or_default())
                        };
                        store.replace(merge).unwrap();
                    }
                });
            }
        });
        let text = StoreFile::new(&path, 1 << 20).read().unwrap();
        assert_eq!(text.lines().count(), PROGRAMS * TIMES);
        assert_eq!(StoreFile::new(&path, 10).read(), None, "it is longer");
    }

    #[cfg(unix)]
    #[test]
    fn a_fifo_or_link_of_its_name_is_not_waited_for_and_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = directory.path().join("elsewhere");
        fs::write(&elsewhere, "kept").unwrap();
        for name in ["store", "store.lock"] {
            for kind in ["fifo", "link", "dangling", "directory"] {
                let path = directory.path().join(name);
                match kind {
                    "fifo" => {
                        let made = std::process::Command::new("mkfifo").arg(&path).status();
                        assert!(made.unwrap().success());
                    }
                    "link" => std::os::unix::fs::symlink(&elsewhere, &path).unwrap(),
                    "dangling" => std::os::unix::fs::symlink("/nowhere/x", &path).unwrap(),
                    _ => fs::create_dir_all(path.join("full")).unwrap(),
                }
                let store = StoreFile::new(&directory.path().join("store"), 100);
                if name == "store" {
                    assert_eq!(store.read(), None, "{kind}");
                }
                let stored = store.replace(|_| "text".into());
                let is_replaced = name == "store" && kind != "directory";
                assert_eq!(stored.is_ok(), is_replaced, "{name} {kind}: {stored:?}");
                assert_eq!(fs::read(&elsewhere).unwrap(), b"kept");
                for left in ["store", "store.lock"].map(|name| directory.path().join(name)) {
                    let _ = fs::remove_file(&left).or_else(|_| fs::remove_dir_all(&left));
                }
            }
        }
    }
}
