//! Which part file a download writes, and what it does if another process is writing it (protocol.md
//! section 9).

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::chunked::ChunkedPart;
use super::lock::{Opened, PartsInUse, has_locks, remove_unused};
use super::part_limits::{ListedPart, excess};
use super::part_names::{chunked_path, claimed_path, resumable_path};
use super::partial_file::{Part, PartialFile, empty};
use super::resumable::ResumablePart;
use super::temporary::claim;
use crate::library::digest::Hasher;
use crate::limits;
use crate::protocol::Digest;
use crate::system;

impl PartialFile {
    /// Resumes the part file that an earlier download of the document with this digest has left, or
    /// begins one that later downloads can resume. Returns its length, which is at most `most`: the
    /// rest is cut off. The position of the file is at its end, and `hasher` has hashed its bytes.
    ///
    /// Returns `None` when another process is writing the file. When it cannot be used for another
    /// reason, the part file is a temporary one.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn resume(
        &mut self,
        digest: &Digest,
        most: u64,
        hasher: &mut Hasher,
    ) -> io::Result<Option<u64>> {
        self.use_temporary()?;
        *hasher = Hasher::default();
        if !has_locks(self.file()) {
            return Ok(Some(0));
        }
        let path = resumable_path(&self.target, digest);
        self.limit_others(&path);
        if self.keep_temporary(&path)? {
            return Ok(Some(0));
        }
        match ResumablePart::open(path.clone(), most, hasher)? {
            Opened::Locked((part, length)) => {
                self.note(&part.path);
                self.part = Part::Resumable(part);
                Ok(Some(length))
            }
            Opened::Busy => {
                self.in_use = Some(PartsInUse(vec![path]));
                Ok(None)
            }
            Opened::Unusable => Ok(Some(0)),
        }
    }

    /// Gives the temporary file of a document whose digest is not known the one name that such a file of
    /// this target can have. Returns `false` when another process is writing the file of that name.
    ///
    /// # Errors
    /// When no file can be created or renamed.
    pub fn claim(&mut self) -> io::Result<bool> {
        self.use_temporary()?;
        let Part::Temporary(temporary) = &mut self.part else { return Ok(true) };
        let path = claimed_path(&self.target);
        let is_claimed = claim(temporary, &path)?;
        if !is_claimed {
            self.in_use = Some(PartsInUse(vec![path]));
        }
        Ok(is_claimed)
    }

    /// The part files of the document that another process was writing, when this download had to end
    /// because of that.
    pub fn take_in_use(&mut self) -> Option<PartsInUse> {
        self.in_use.take()
    }

    /// Renames the temporary file to the path of a resumable part, unless that exists; returns whether
    /// it did. So a document is one file from its first byte to its last, because creating files is
    /// most of the cost of small documents.
    fn keep_temporary(&mut self, path: &Path) -> io::Result<bool> {
        let Part::Temporary(temporary) = &mut self.part else { return Ok(false) };
        let file = temporary.as_file().try_clone()?;
        empty(&file)?;
        if system::rename_new(temporary.path(), path).is_err() {
            return Ok(false);
        }
        temporary.disable_cleanup(true);
        self.note(path);
        self.part = Part::Resumable(ResumablePart { file, path: path.into() });
        Ok(true)
    }

    /// Resumes or begins the chunked part of a document with this digest and length.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn chunked(
        &mut self,
        digest: &Digest,
        length: u64,
    ) -> io::Result<Opened<Arc<ChunkedPart>>> {
        self.use_temporary()?;
        if !has_locks(self.file()) {
            return Ok(Opened::Unusable);
        }
        let path = chunked_path(&self.target, digest, length);
        let beginning = resumable_path(&self.target, digest);
        self.limit_others(&path);
        let part = match ChunkedPart::open(&path, &beginning, length)? {
            Opened::Locked(part) => Arc::new(part),
            Opened::Busy => {
                self.in_use = Some(PartsInUse(vec![path, beginning]));
                return Ok(Opened::Busy);
            }
            Opened::Unusable => return Ok(Opened::Unusable),
        };
        self.note(&path);
        self.part = Part::Chunked(Arc::clone(&part));
        Ok(Opened::Locked(part))
    }

    /// Deletes the smallest part files of this target, so that with a part file at `path` there are
    /// no more than [`limits::PART_FILES_OF_DOCUMENT`]. Each version of a document has a part file of
    /// its own, and holders can announce any number of versions.
    fn limit_others(&mut self, path: &Path) {
        let others = self.left.iter().filter(|left| *left != path);
        let others: Vec<ListedPart> = others.cloned().filter_map(ListedPart::at).collect();
        for part in excess(self.target.root(), others, limits::PART_FILES_OF_DOCUMENT - 1) {
            remove_unused(&part.path);
            self.left.retain(|left| *left != part.path);
        }
    }

    /// Notes a part file that can be resumed, and that this process writes.
    fn note(&mut self, path: &Path) {
        for paths in [&mut self.left, &mut self.own] {
            if !paths.iter().any(|noted| noted == path) {
                paths.push(path.into());
            }
        }
    }
}
