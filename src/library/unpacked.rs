//! Unpacked copies of packed documents, each shared by all its readers (protocol.md section 7).
//!
//! A packed file is unpacked once for all readers. Its copy is kept for the next reader within limits.
//! The bytes of all copies are limited, and so are the bytes of unused copies.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::file_state::FileState;
use super::packed;
use crate::limits;

/// Unpacked copies of files, by the state of the file. Cloning it shares them.
#[derive(Clone, Debug, Default)]
pub struct UnpackedCopies(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The bytes of all copies, including copies that are being written, and copies that are only held
    /// by their readers.
    bytes: Arc<Mutex<u64>>,
    copies: HashMap<FileState, Copy>,
}

#[derive(Debug)]
enum Copy {
    /// A thread is unpacking it.
    Unpacking,
    Ready(Arc<UnpackedCopy>, Instant),
}

/// A file without a name, which the system deletes when its last reader closes it.
#[derive(Debug)]
struct UnpackedCopy {
    file: File,
    length: u64,
    _reserved: Reserved,
}

/// A reader of a copy. Dropping it ends the use of the copy.
#[derive(Debug)]
pub(super) struct CopyReader {
    /// Taken only on drop.
    copy: Option<Arc<UnpackedCopy>>,
    shared: Arc<Shared>,
}

/// Bytes reserved from the limit of all copies. Dropping this frees them.
#[derive(Debug)]
struct Reserved {
    all: Arc<Mutex<u64>>,
    bytes: u64,
}

impl UnpackedCopies {
    /// The copy of an open packed file in this state.
    ///
    /// # Errors
    /// When the file cannot be unpacked, or the limits leave no space for its copy
    /// ([`io::ErrorKind::ResourceBusy`]).
    pub(super) fn of(&self, file: &File, state: FileState) -> io::Result<CopyReader> {
        let copy = self.0.of(file, state)?;
        Ok(CopyReader { copy: Some(copy), shared: Arc::clone(&self.0) })
    }
}

impl CopyReader {
    /// The file of the copy. Its position is shared by all readers, so it must not be used.
    pub(super) fn file(&self) -> io::Result<File> {
        self.copy.as_ref().ok_or(io::ErrorKind::NotFound)?.file.try_clone()
    }

    /// The length of the document.
    pub(super) fn length(&self) -> u64 {
        self.copy.as_ref().map_or(0, |copy| copy.length)
    }
}

impl Drop for CopyReader {
    fn drop(&mut self) {
        drop(self.copy.take());
        self.shared.forget_unused(limits::UNPACKED_UNUSED);
    }
}

impl Shared {
    fn of(&self, file: &File, state: FileState) -> io::Result<Arc<UnpackedCopy>> {
        let mut copies = self.lock();
        loop {
            match copies.copies.get_mut(&state) {
                Some(Copy::Ready(copy, used)) => {
                    *used = Instant::now();
                    return Ok(Arc::clone(copy));
                }
                Some(Copy::Unpacking) => {
                    let waited = self.changed.wait(copies);
                    copies = waited.unwrap_or_else(PoisonError::into_inner);
                }
                None => break,
            }
        }
        copies.copies.insert(state, Copy::Unpacking);
        let reserved = Reserved { all: Arc::clone(&copies.bytes), bytes: 0 };
        drop(copies);
        // Dropping this wakes the waiting readers, whatever happens.
        let mut unpacking = Unpacking { copies: self, state, copy: None };
        let copy = Arc::new(self.unpack_in_thread(file, reserved)?);
        if state.is_another(file)? {
            return Err(io::Error::other("the file changed while it was unpacked"));
        }
        unpacking.copy = Some(Arc::clone(&copy));
        Ok(copy)
    }

    /// Unpacks in a separate thread, because the decoder needs more stack than the thread of a
    /// connection has.
    fn unpack_in_thread(&self, file: &File, reserved: Reserved) -> io::Result<UnpackedCopy> {
        const STACK: usize = 512 * 1024;
        let busy = |text| io::Error::new(io::ErrorKind::ResourceBusy, text);
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("unpack".into()).stack_size(STACK);
            let unpacking = thread.spawn_scoped(scope, || self.unpack(file, reserved));
            let unpacking = unpacking.map_err(|_| busy("no thread can be started to unpack it"))?;
            unpacking.join().map_err(|_| io::Error::other("a panic ended its unpacking"))?
        })
    }

    fn unpack(&self, file: &File, mut reserved: Reserved) -> io::Result<UnpackedCopy> {
        // Of documents that do not fit together, those that come last are refused before any work is done.
        // Otherwise all of them could reach the limit together, and none would be sent.
        let expected = packed::expected_length(file)?.min(limits::UNPACKED);
        self.reserve(&mut reserved, expected)?;
        let mut packed = packed::unpacked_bytes(file);
        let mut unpacked = tempfile::tempfile()?;
        let mut chunk = vec![0; 64 * 1024];
        let mut length = 0_u64;
        loop {
            let count = match packed.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            length = length.saturating_add(count as u64);
            self.reserve(&mut reserved, length)?;
            unpacked.write_all(chunk.get(..count).unwrap_or_default())?;
        }
        reserved.shrink(length);
        Ok(UnpackedCopy { file: unpacked, length, _reserved: reserved })
    }

    /// Reserves bytes until these are reserved, if necessary in place of unused copies.
    fn reserve(&self, reserved: &mut Reserved, bytes: u64) -> io::Result<()> {
        if reserved.grow(bytes) {
            return Ok(());
        }
        self.forget_unused(0);
        match reserved.grow(bytes) {
            true => Ok(()),
            false => {
                let text = "the limit of unpacked documents is reached";
                Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
            }
        }
    }

    /// Drops unused copies, the longest unused first, until the others have at most `most` bytes
    /// together.
    fn forget_unused(&self, most: u64) {
        let mut dropped = Vec::new();
        let mut state = self.lock();
        loop {
            let unused = state.copies.iter().filter_map(|(file, copy)| match copy {
                Copy::Ready(copy, used) if Arc::strong_count(copy) == 1 => {
                    Some((*used, *file, copy.length))
                }
                _ => None,
            });
            let unused: Vec<_> = unused.collect();
            let bytes =
                unused.iter().fold(0_u64, |sum, (_, _, length)| sum.saturating_add(*length));
            if bytes <= most && unused.len() <= limits::UNPACKED_UNUSED_FILES {
                break;
            }
            let Some((_, oldest, _)) = unused.into_iter().min_by_key(|(used, _, _)| *used) else {
                break;
            };
            dropped.extend(state.copies.remove(&oldest));
        }
        // Closing files may take long, so the lock is released first.
        drop(state);
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one insertion or removal.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of a file that is being unpacked. Dropping this replaces it by the copy, or removes it.
struct Unpacking<'a> {
    copies: &'a Shared,
    state: FileState,
    copy: Option<Arc<UnpackedCopy>>,
}

impl Drop for Unpacking<'_> {
    fn drop(&mut self) {
        let mut copies = self.copies.lock();
        match self.copy.take() {
            Some(copy) => copies.copies.insert(self.state, Copy::Ready(copy, Instant::now())),
            None => copies.copies.remove(&self.state),
        };
        drop(copies);
        self.copies.changed.notify_all();
        self.copies.forget_unused(limits::UNPACKED_UNUSED);
    }
}

impl Reserved {
    /// Reserves bytes until at least these are reserved; returns whether the limit allows that.
    fn grow(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return true;
        }
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sum) = all.checked_add(more).filter(|sum| *sum <= limits::UNPACKED_ALL) else {
            return false;
        };
        *all = sum;
        self.bytes = bytes;
        true
    }

    /// Frees reserved bytes beyond these.
    fn shrink(&mut self, bytes: u64) {
        let surplus = self.bytes.saturating_sub(bytes);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        *all = all.saturating_sub(surplus);
        self.bytes = self.bytes.saturating_sub(surplus);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        *all = all.saturating_sub(self.bytes);
    }
}

#[cfg(test)]
mod tests;
