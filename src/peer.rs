//! A peer: it keeps its documents registered with an index, uploads them to others, and downloads
//! theirs (protocol.md sections 4 and 5).
//!
//! [`Sharing`] shares a directory, and [`Peer`] finds and downloads documents. They combine parts that programs
//! can also use alone, as `examples/demo.rs` does.

mod reader;
mod sharing;

pub use crate::discovery::{
    AskIndex, Completeness, Gap, GapCause, HolderInfo, HolderSource, Holders, IndexConnection,
    IndexDialect, IndexError, IndexGroup, LookupTitle, Query, lookup, request_records,
};
#[doc(hidden)]
pub use crate::discovery::{Extensions, ListCache, each_listed, each_record, lookup_in_list};
pub(crate) use crate::discovery::{Take, of_each};
pub use crate::download::{
    CompletedDownload, DownloadError, DownloadProgress, DownloadRequest, Downloader,
    ExpectedDigest, PeerStats, Source, TransferError,
};
#[doc(hidden)]
pub use crate::download::{
    DownloadEvent, DownloadJob, Journal, JournalEntry, JournalEvent, PeerSpeed, Probe, Received,
    download_all, probe, vote_can_decide,
};
#[doc(hidden)]
pub use crate::library::{BackgroundHasher, LOG_LIBRARY, Watcher};
pub use crate::net::{AddressPolicy, Bandwidth, Cancel, Interface, Provenance};
#[doc(hidden)]
pub use crate::registration::{Announced, Announcer};
#[doc(hidden)]
pub use crate::registration::{Announcements, Registrations};
pub use crate::registration::{Event, OwnEnd, Registration};
pub use crate::upload::{RunningUpload, Slots, UploadServer, UploadTotals, Uploads};
pub use reader::{NotDownloaded, Peer};
pub use sharing::{Sharing, SharingOptions};
