//! Reports of inotify (Linux).

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::inotify::{
    CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch,
};
use rustix::io::Errno;

use super::Report;

/// The events that are reported for each directory.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// A watch of a directory. Dropping this ends the reports.
#[derive(Debug)]
pub(crate) struct DirectoryWatch {
    inotify: Arc<OwnedFd>,
    /// The directory itself.
    root: i32,
    is_over: Arc<AtomicBool>,
}

impl DirectoryWatch {
    /// Watches a directory, and those below it if `is_recursive`. Another thread calls `report`.
    ///
    /// # Errors
    /// When the limit of watched directories is reached, or the directory does not exist.
    pub(crate) fn start(
        directory: &Path,
        is_recursive: bool,
        report: impl Fn(Report) + Send + 'static,
    ) -> io::Result<Self> {
        let inotify = Arc::new(init(CreateFlags::CLOEXEC).map_err(with_limit)?);
        let is_over = Arc::<AtomicBool>::default();
        let mut watched = Watched {
            inotify: Arc::clone(&inotify),
            is_recursive,
            directories: HashMap::new(),
            is_over: Arc::clone(&is_over),
        };
        let root = add_watch(&*inotify, directory, CHANGES).map_err(with_limit)?;
        watched.directories.insert(root, directory.to_path_buf());
        watched.add_below(directory)?;
        let read = move || watched.read(root, &report);
        thread::Builder::new().name("watch".into()).spawn(read)?;
        Ok(Self { inotify, root, is_over })
    }
}

/// An error that names the limit of the system which it means (inotify(7)).
fn with_limit(error: Errno) -> io::Error {
    let limit = match error {
        Errno::MFILE => {
            "programs of this user that watch directories, fs.inotify.max_user_instances"
        }
        Errno::NOSPC => "directories that this user watches, fs.inotify.max_user_watches",
        error => return error.into(),
    };
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("{error}; probably the limit of {limit}"))
}

impl Drop for DirectoryWatch {
    fn drop(&mut self) {
        // The removal of the watch is reported to the thread, which ends then. If that report is lost
        // because the queue is full, the thread ends when it reads that reports were lost. If the
        // directory is gone, it has ended before.
        self.is_over.store(true, Ordering::SeqCst);
        let _ = remove_watch(&*self.inotify, self.root);
    }
}

/// The directories of a watch.
struct Watched {
    inotify: Arc<OwnedFd>,
    is_recursive: bool,
    directories: HashMap<i32, PathBuf>,
    /// Whether the watch was dropped.
    is_over: Arc<AtomicBool>,
}

impl Watched {
    /// Reads reports until the watch of the root is removed.
    fn read(mut self, root: i32, report: &impl Fn(Report)) {
        let inotify = Arc::clone(&self.inotify);
        let mut buffer = [const { MaybeUninit::uninit() }; 8192];
        let mut reader = Reader::new(&*inotify, &mut buffer);
        loop {
            let (watch, changes, name) = match reader.next() {
                Ok(event) => {
                    let name = event.file_name();
                    let name = name.map(|name| OsStr::from_bytes(name.to_bytes()).to_owned());
                    (event.wd(), event.events(), name)
                }
                Err(Errno::INTR) => continue,
                Err(_) => return report(Report::Ended),
            };
            if changes.contains(ReadFlags::IGNORED) {
                self.directories.remove(&watch);
                if watch == root {
                    return;
                }
                continue;
            }
            let is_lost = changes.contains(ReadFlags::QUEUE_OVERFLOW);
            // The report that would end this thread may be lost.
            if is_lost && self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let is_self = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT;
            let ends = is_lost || (watch == root && changes.intersects(is_self));
            let is_new = changes.contains(ReadFlags::ISDIR)
                && changes.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
            let is_added = match name {
                // Before the report, so that changes after the scan are reported.
                Some(name) if is_new => self.add_child(watch, &name).is_ok(),
                _ => true,
            };
            report(if ends || !is_added { Report::Ended } else { Report::Changed });
        }
    }

    fn add_child(&mut self, parent: i32, name: &OsStr) -> io::Result<()> {
        match self.directories.get(&parent) {
            Some(parent) if self.is_recursive => self.add(&parent.join(name)),
            _ => Ok(()),
        }
    }

    /// Watches a directory below the root, and the directories below it. A directory that is moved keeps
    /// its number and gets another path.
    fn add(&mut self, directory: &Path) -> io::Result<()> {
        let flags = CHANGES.union(WatchFlags::DONT_FOLLOW);
        let number = match add_watch(&*self.inotify, directory, flags) {
            Ok(number) => number,
            // The directory is gone, replaced or unreadable. The next scan notices that.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(()),
            Err(error) => return Err(with_limit(error)),
        };
        self.directories.insert(number, directory.to_path_buf());
        self.add_below(directory)
    }

    fn add_below(&mut self, directory: &Path) -> io::Result<()> {
        if !self.is_recursive {
            return Ok(());
        }
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        let is_directory =
            |entry: &fs::DirEntry| entry.file_type().is_ok_and(|file_type| file_type.is_dir());
        let below: Vec<PathBuf> =
            entries.flatten().filter(is_directory).map(|entry| entry.path()).collect();
        below.iter().try_for_each(|directory| self.add(directory))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn errors_name_the_limit_of_the_system() {
        for (error, limit) in
            [(Errno::MFILE, "max_user_instances"), (Errno::NOSPC, "fs.inotify.max_user_watches")]
        {
            assert!(with_limit(error).to_string().ends_with(limit));
        }
        assert_eq!(with_limit(Errno::NOENT).kind(), io::ErrorKind::NotFound);
    }

    fn watch(directory: &Path, is_recursive: bool) -> (DirectoryWatch, Receiver<Report>) {
        let (sender, reports) = channel();
        let report = move |report| {
            let _ = sender.send(report);
        };
        (DirectoryWatch::start(directory, is_recursive, report).unwrap(), reports)
    }

    fn expect(reports: &Receiver<Report>, expected: Report) {
        while reports.recv_timeout(PATIENCE).unwrap() != expected {}
    }

    /// Waits for the end of the thread, and returns its remaining reports.
    fn rest((watch, reports): (DirectoryWatch, Receiver<Report>)) -> Vec<Report> {
        drop(watch);
        reports.iter().collect()
    }

    #[test]
    fn changes_are_reported_and_reading_is_not() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        let watched = watch(root.path(), false);
        fs::write(&file, "1").unwrap();
        expect(&watched.1, Report::Changed);
        assert!(!rest(watched).contains(&Report::Ended));
        let watched = watch(root.path(), false);
        for _ in 0..3 {
            fs::read(&file).unwrap();
            fs::read_dir(root.path()).unwrap().for_each(drop);
        }
        assert_eq!(rest(watched), []);
        let changes: [&dyn Fn(); 4] = [
            &|| fs::write(&file, "2").unwrap(),
            &|| fs::rename(&file, root.path().join("other")).unwrap(),
            &|| fs::remove_file(root.path().join("other")).unwrap(),
            &|| fs::create_dir(root.path().join("directory")).unwrap(),
        ];
        for change in changes {
            let watched = watch(root.path(), false);
            change();
            assert!(rest(watched).contains(&Report::Changed));
        }
    }

    #[test]
    fn directories_below_are_watched_if_wanted_also_new_and_moved_ones() {
        for is_recursive in [true, false] {
            let root = tempfile::tempdir().unwrap();
            let outside = tempfile::tempdir().unwrap();
            fs::create_dir_all(root.path().join("a/b/c")).unwrap();
            fs::create_dir_all(outside.path().join("x/y")).unwrap();
            let watched = watch(root.path(), is_recursive);
            fs::create_dir(root.path().join("new")).unwrap();
            expect(&watched.1, Report::Changed);
            fs::rename(outside.path().join("x"), root.path().join("moved")).unwrap();
            expect(&watched.1, Report::Changed);
            while watched.1.recv_timeout(Duration::from_millis(100)).is_ok() {}
            for directory in ["a/b/c", "new", "moved/y"] {
                fs::write(root.path().join(directory).join("file"), "1").unwrap();
                if is_recursive {
                    expect(&watched.1, Report::Changed);
                }
            }
            if is_recursive {
                fs::rename(root.path().join("a/b"), root.path().join("b")).unwrap();
                expect(&watched.1, Report::Changed);
                fs::create_dir(root.path().join("b/c/d")).unwrap();
                expect(&watched.1, Report::Changed);
                while watched.1.recv_timeout(Duration::from_millis(100)).is_ok() {}
                fs::write(root.path().join("b/c/d/file"), "1").unwrap();
                expect(&watched.1, Report::Changed);
            } else {
                assert_eq!(rest(watched), []);
            }
        }
    }

    #[test]
    fn a_directory_that_is_moved_or_removed_ends_the_reports() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("directory");
        fs::create_dir(&directory).unwrap();
        let watched = watch(&directory, true);
        fs::rename(&directory, parent.path().join("other")).unwrap();
        expect(&watched.1, Report::Ended);
        let watched = watch(&parent.path().join("other"), true);
        fs::remove_dir(parent.path().join("other")).unwrap();
        expect(&watched.1, Report::Ended);
        // The thread has ended with the directory.
        assert!(watched.1.recv_timeout(PATIENCE).is_err());
        assert_eq!(rest(watched), []);
    }

    /// The report that ends the thread can be lost as well.
    #[test]
    fn a_watch_ends_while_more_changes_wait_than_there_is_room_for() {
        let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let most: usize = most.trim().parse().unwrap();
        if most > 100_000 {
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let ((begun, has_begun), (end, ended)) = (channel(), channel::<()>());
        let report = move |_| {
            // The first report is not over before the watch is dropped.
            let _ = begun.send(());
            let _ = ended.recv();
        };
        let watch = DirectoryWatch::start(root.path(), false, report).unwrap();
        for _ in 0..most {
            fs::write(root.path().join("file"), "").unwrap();
            fs::remove_file(root.path().join("file")).unwrap();
        }
        has_begun.recv().unwrap();
        drop(watch);
        drop(end);
        // All of its ends are gone when the thread has ended.
        while has_begun.recv_timeout(PATIENCE).is_ok() {}
        assert!(matches!(has_begun.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)));
    }

    #[test]
    fn a_directory_that_is_not_there_cannot_be_watched() {
        let report = |_| {};
        assert!(DirectoryWatch::start(Path::new("/not/here"), true, report).is_err());
    }
}
