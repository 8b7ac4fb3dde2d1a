//! Downloaded documents in subdirectories, which are shared although `--recursive` is not given.

use crate::library::SharedLibrary;
use crate::peer::Journal;

/// Shares the documents that earlier runs have downloaded into subdirectories.
pub(in crate::cli) fn share_downloaded(library: &SharedLibrary, journal: &Journal) {
    if let Err(error) = library.add_downloaded(journal.fetched().into_keys()) {
        log::warn!("documents downloaded into subdirectories are not shared: {error}");
    }
}
