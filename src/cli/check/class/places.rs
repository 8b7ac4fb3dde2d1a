//! The directories of a submission.

use std::path::{Path, PathBuf};

/// The directories of a submission.
#[derive(Debug)]
pub(super) struct Places {
    /// The copy of the submission.
    pub(super) submission: PathBuf,
    /// The empty home directory.
    pub(super) home: PathBuf,
    pub(super) temporary: PathBuf,
    /// The documents of a peer.
    pub(super) documents: PathBuf,
}

impl Places {
    pub(super) fn below(private: &Path) -> Self {
        let [submission, home, temporary, documents] =
            ["submission", "home", "temporary", "documents"].map(|name| private.join(name));
        Self { submission, home, temporary, documents }
    }
}
