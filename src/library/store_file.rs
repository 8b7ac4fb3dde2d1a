//! A small text file in which several programs of one user keep what they have learned.
//!
//! It appears whole, is read only up to a bound, and is synced. Programs replace it one after the
//! other, so that none loses what another has stored. Whatever else has its name, such as a FIFO or
//! a link, is neither waited for nor followed.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::partial::PartialFile;
use crate::escape::escaped_path;
use crate::system;

/// How long the others are waited for. One that was stopped while it was storing may never resume;
/// what is lost without waiting is only learned again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where something is stored.
#[derive(Debug)]
pub struct StoreFile {
    path: PathBuf,
    /// Bytes that are read at most. A longer file is not one of ours.
    most: u64,
}

impl StoreFile {
    /// A store of at most this many bytes at this path.
    pub fn new(path: &Path, most: u64) -> Self {
        Self { path: path.into(), most }
    }

    /// What is stored; `None` if there is nothing, or nothing of ours.
    pub fn read(&self) -> Option<String> {
        let file = system::open_existing(&self.path).ok()?;
        let mut text = String::new();
        let count = file.take(self.most.saturating_add(1)).read_to_string(&mut text).ok()?;
        (count as u64 <= self.most).then_some(text)
    }

    /// Stores what `merge` makes of what is stored.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn replace(&self, merge: impl FnOnce(Option<String>) -> String) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let _lock = self.lock()?;
        let text = merge(self.read());
        let incoming = PartialFile::begin(&self.path)?;
        incoming.file().write_all(text.as_bytes())?;
        incoming.commit(true).map(drop)
    }

    /// Waits until no other program is storing. The lock is held as long as the file is open; it
    /// is a file of its own, because the store becomes another file with each replacement.
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
    fn programs_that_store_at_the_same_time_lose_nothing_of_each_other() {
        const PROGRAMS: usize = 3;
        const TIMES: usize = 20;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/store");
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
    fn nothing_else_of_its_name_blocks_or_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "kept").unwrap();
        for name in ["store", "store.lock"] {
            for kind in ["fifo", "link", "dangling", "directory"] {
                let path = folder.path().join(name);
                match kind {
                    "fifo" => {
                        let made = std::process::Command::new("mkfifo").arg(&path).status();
                        assert!(made.unwrap().success());
                    }
                    "link" => std::os::unix::fs::symlink(&elsewhere, &path).unwrap(),
                    "dangling" => std::os::unix::fs::symlink("/nowhere/x", &path).unwrap(),
                    _ => fs::create_dir_all(path.join("full")).unwrap(),
                }
                let store = StoreFile::new(&folder.path().join("store"), 100);
                if name == "store" {
                    assert_eq!(store.read(), None, "{kind}");
                }
                let stored = store.replace(|_| "text".into());
                let is_replaced = name == "store" && kind != "directory";
                assert_eq!(stored.is_ok(), is_replaced, "{name} {kind}: {stored:?}");
                assert_eq!(fs::read(&elsewhere).unwrap(), b"kept");
                for left in ["store", "store.lock"].map(|name| folder.path().join(name)) {
                    let _ = fs::remove_file(&left).or_else(|_| fs::remove_dir_all(&left));
                }
            }
        }
    }
}
