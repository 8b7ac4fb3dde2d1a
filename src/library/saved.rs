//! A downloaded file that was renamed into place (protocol.md section 5.5).
//!
//! Before its document is shared, another process may replace the file. The digest of the download must
//! not be cached for that file.

use std::fs::Metadata;
use std::io;

use super::digest::Hasher;
use super::file_state::FileState;
use super::target::SaveTarget;
use crate::protocol::Digest;
use crate::system;

/// The state of a file whose bytes were written or read by this process.
#[derive(Clone, Copy, Debug)]
pub struct Saved(FileState);

impl Saved {
    /// From the metadata of the open file, because its path may be another file's by now.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self(FileState::of(metadata))
    }

    /// The existing file of this name, if it is a regular file with this digest.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn existing(target: &SaveTarget, digest: Digest) -> io::Result<Option<Self>> {
        let Some(name) = target.name() else { return Ok(None) };
        let (mut file, metadata) = system::open_regular(target.root(), &name)?;
        let state = FileState::of(&metadata);
        let mut hasher = Hasher::default();
        io::copy(&mut file, &mut hasher)?;
        let is_equal = hasher.finish() == digest && !state.has_changed(&file)?;
        Ok(is_equal.then_some(Self(state)))
    }

    /// Whether a file in this state is the saved file.
    pub(super) fn is(self, state: &FileState) -> bool {
        self.0 == *state
    }
}
