//! The file of a journal, which several processes append to.
//!
//! A process has a shared lock on the file while it appends, and an exclusive one while it compacts the
//! file: it writes a new file and renames it over the old one. An appending process that finds another
//! file at the path opens that. A second file, with the extension `lock`, tells whether other
//! processes have the journal open.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::entries::{Entries, Entry, append_line, parse};
use crate::escape::escaped_path;
use crate::limits;
use crate::protocol::Document;
use crate::system::{is_at, open_append, open_part, read_at, sync_directory};

/// Bytes that are appended by one call.
const PIECE: usize = 256 * 1024;
/// Time for which a process waits for the lock: another one has it only during one write.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two attempts to lock the file.
const PAUSE: Duration = Duration::from_millis(2);
/// The beginning of the first line of a large compacted file; the number of its bytes follows.
const HEADER: &str = "compacted\t";
/// The time between two syncs is at least this multiple of the duration of one.
const SYNC_SHARE: u32 = 10;

/// An open journal.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    /// Locked as long as this process has the journal open.
    presence: Option<File>,
    was_alone: bool,
    compact_above: u64,
    is_dirty: bool,
    /// When it may be synced again.
    sync_after: Instant,
    has_failed: bool,
}

impl JournalFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = open_append(path)?;
        let presence = open_part(&path.with_extension("lock"), true);
        let presence =
            presence.inspect_err(|error| log::debug!("cannot lock the journal: {error}")).ok();
        let was_alone = presence.as_ref().is_none_or(|file| file.try_lock().is_ok());
        // From now on it only says that this process is here.
        let _ = presence.as_ref().map(File::try_lock_shared);
        let mut journal = Self {
            path: path.into(),
            compact_above: compact_above(&file),
            file,
            presence,
            was_alone,
            is_dirty: false,
            sync_after: Instant::now(),
            has_failed: false,
        };
        if let Err(error) = journal.compact_if_large() {
            log::warn!("cannot compact the journal `{}`: {error}", escaped_path(&path));
        }
        Ok(journal)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn was_alone(&self) -> bool {
        self.was_alone
    }

    /// Appends entries. The first error is logged.
    pub(super) fn append(&mut self, entries: &mut dyn Iterator<Item = (Document, Entry)>) {
        let mut piece = String::new();
        loop {
            let next = entries.next();
            let is_last = next.is_none();
            if let Some((document, entry)) = next {
                append_line(&mut piece, &document, &entry);
            }
            if piece.len() >= PIECE || is_last {
                if let Err(error) = self.write(&piece)
                    && !self.has_failed
                {
                    self.has_failed = true;
                    log::warn!("cannot write the journal `{}`: {error}", escaped_path(&self.path));
                }
                piece.clear();
            }
            if is_last {
                break;
            }
        }
        self.sync_if_due();
    }

    /// Writes everything to the disk, unless that was done recently.
    pub(super) fn sync_if_due(&mut self) {
        if self.is_dirty && Instant::now() >= self.sync_after {
            self.sync();
        }
    }

    /// Brings everything to disk.
    pub(super) fn sync(&mut self) {
        if !self.is_dirty {
            return;
        }
        let begun = Instant::now();
        if let Err(error) = self.file.sync_data() {
            log::debug!("cannot sync the journal `{}`: {error}", escaped_path(&self.path));
        }
        self.is_dirty = false;
        let end = Instant::now();
        let pause = end.duration_since(begun).saturating_mul(SYNC_SHARE);
        self.sync_after = end + pause.max(limits::JOURNAL_SYNC);
    }

    fn write(&mut self, piece: &str) -> io::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        self.lock_current()?;
        let written = append_lines(&self.file, piece);
        let _ = self.file.unlock();
        written?;
        self.is_dirty = true;
        self.compact_if_large()
    }

    /// Locks the file that is at the path, for appending.
    fn lock_current(&mut self) -> io::Result<()> {
        loop {
            // A process that was stopped while it had the lock does not stop the others.
            let is_locked = lock_within(&self.file, PATIENCE, File::try_lock_shared);
            if is_at(&self.file, &self.path)? {
                return Ok(());
            }
            if is_locked {
                let _ = self.file.unlock();
            }
            self.file = open_append(&self.path)?;
        }
    }

    /// Writes the file again with the entries that are kept, if it has become large. If another
    /// process is appending, the next call does it.
    fn compact_if_large(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() <= self.compact_above {
            return Ok(());
        }
        if !lock_within(&self.file, Duration::ZERO, File::try_lock) {
            return Ok(());
        }
        let compacted = match is_at(&self.file, &self.path) {
            Ok(true) => self.compact(),
            // Another process has just done it.
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        let _ = self.file.unlock();
        compacted?;
        self.file = open_append(&self.path)?;
        self.compact_above = compact_above(&self.file);
        Ok(())
    }

    fn compact(&self) -> io::Result<()> {
        let mut entries = read(&self.path)?;
        entries.fit(limits::JOURNAL_BYTES / 2);
        let mut text = entries.text();
        if text.len() as u64 > limits::JOURNAL_COMPACT_ABOVE / 2 {
            text.insert_str(0, &format!("{HEADER}{}\n", text.len()));
        }
        let temporary = self.path.with_extension("new");
        // The lock excludes other processes, so what is there was left by one that was killed.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::create_new(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        self.path.parent().map_or(Ok(()), sync_directory)
    }
}

#[cfg(test)]
impl JournalFile {
    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Passes the time until the next sync.
    pub(super) fn set_due(&mut self) {
        self.sync_after = Instant::now();
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        self.sync();
        if let Some(presence) = &self.presence {
            let _ = presence.unlock();
        }
    }
}

/// Reads a journal. Of one that is larger than it can become here, the end is read.
pub(super) fn read(path: &Path) -> io::Result<Entries> {
    let mut file = open_part(path, false)?;
    let most = limits::JOURNAL_BYTES as u64 * 2;
    let start = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(file.take(most));
    let mut entries = Entries::default();
    let mut text = Vec::new();
    while reader.read_until(b'\n', &mut text)? > 0 {
        // Without its end a line may be half-written.
        let whole = text.strip_suffix(b"\n").map(String::from_utf8_lossy);
        if let Some((document, entry)) = whole.and_then(|line| parse(&line)) {
            entries.add(document, entry);
        }
        text.clear();
    }
    Ok(entries)
}

/// Appends lines. If the last line of the file has no end, it gets one: another process may have
/// been killed while it wrote.
fn append_lines(mut file: &File, lines: &str) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut last = *b"\n";
    if let Some(place) = length.checked_sub(1) {
        read_at(file, &mut last, place)?;
    }
    if last == *b"\n" {
        file.write_all(lines.as_bytes())
    } else {
        file.write_all(format!("\n{lines}").as_bytes())
    }
}

/// The length above which a file is compacted: twice what was left the last time.
fn compact_above(file: &File) -> u64 {
    let mut first = [0; 32];
    let read = read_at(file, &mut first, 0).unwrap_or(0);
    let line = first.get(..read).and_then(|bytes| bytes.split(|byte| *byte == b'\n').next());
    let number = line.and_then(|line| std::str::from_utf8(line).ok()?.strip_prefix(HEADER));
    let compacted: u64 = number.and_then(|number| number.parse().ok()).unwrap_or(0);
    compacted.saturating_mul(2).clamp(limits::JOURNAL_COMPACT_ABOVE, limits::JOURNAL_BYTES as u64)
}

/// Takes a lock within some time; where the file system has no locks, it does without.
fn lock_within(
    file: &File,
    patience: Duration,
    lock: fn(&File) -> Result<(), TryLockError>,
) -> bool {
    let begun = Instant::now();
    loop {
        match lock(file) {
            Ok(()) => return true,
            Err(TryLockError::Error(error)) => {
                log::debug!("cannot lock the journal: {error}");
                return true;
            }
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => return false,
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
        }
    }
}
