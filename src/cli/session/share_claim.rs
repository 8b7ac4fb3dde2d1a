//! Whether another process already shares a directory.
//!
//! Each session has an advisory lock on a file in the user's state directory. The lock ends with the
//! process, however that ends. Where no lock is possible, nothing is reported.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::cli::output::outcome::shown;
use crate::cli::output::print::print_note;
use crate::cli::user_directory::share_lock;
use crate::system::{open_existing, open_part};

/// Held as long as a session shares a directory.
pub(in crate::cli) struct ShareClaim {
    _lock: Option<File>,
}

impl ShareClaim {
    /// Claims a directory. Reports another session that shares it; both may run.
    pub(in crate::cli) fn of(shared: &Path) -> Self {
        let lock = share_lock(shared).and_then(|path| {
            let directory = path.parent()?;
            std::fs::create_dir_all(directory).ok()?;
            let opened = open_part(&path, true);
            opened.inspect_err(|error| log::debug!("cannot lock the directory: {error}")).ok()
        });
        if lock.as_ref().is_some_and(|lock| !can_lock(lock)) {
            print_note(format_args!(
                "another process shares `{}` already: both register its documents, each with a port \
                 of its own",
                shown(shared)
            ));
        }
        Self { _lock: lock }
    }
}

/// Locks the file of a session; `false` if another session holds it. `status` may hold it for a moment.
fn can_lock(lock: &File) -> bool {
    const ATTEMPTS: usize = 3;
    const PAUSE: Duration = Duration::from_millis(20);
    (0..ATTEMPTS).any(|attempt| {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        !matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
    })
}

/// Whether a session of another process shares a directory. Creates nothing.
pub(in crate::cli) fn is_shared(shared: &Path) -> bool {
    share_lock(shared).is_some_and(|path| is_locked(&path))
}

fn is_locked(path: &Path) -> bool {
    // Something else at the path, such as a FIFO, must not block this.
    let lock = open_existing(path);
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_in_the_place_of_the_lock_does_not_block() {
        let directory = tempfile::tempdir().unwrap();
        let (fifo, lock) = (directory.path().join("fifo"), directory.path().join("lock"));
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        assert!(!is_locked(&fifo) && !is_locked(&lock));
        let session = open_part(&lock, true).unwrap();
        assert!(!is_locked(&lock));
        session.try_lock().unwrap();
        assert!(is_locked(&lock));
    }
}
