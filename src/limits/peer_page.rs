//! Limits of what the status page of a peer shows and does.

use std::time::Duration;

/// Documents that a search on the status page shows.
pub(crate) const FOUND_DOCUMENTS: usize = 200;
/// Records that a search on the status page reads.
pub(crate) const FOUND_RECORDS: usize = 1000;
/// Holders of a document that the status page names.
pub(crate) const SHOWN_HOLDERS: usize = 20;
/// Downloads, and uploads, that the status page lists.
pub(crate) const SHOWN_TRANSFERS: usize = 50;
/// Searches of the status page that run at the same time: each has a connection to the index.
pub(crate) const FINDS: usize = 4;
/// Time in which an index must answer a search of the status page.
pub(crate) const FIND_TIME: Duration = Duration::from_secs(15);
