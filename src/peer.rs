//! A peer: it keeps its documents registered with an index, uploads them to others, and downloads
//! theirs (protocol.md sections 4 and 5).
//!
//! [`Sharing`] shares a directory, and [`Peer`] finds and downloads documents. They combine parts that programs
//! can also use alone, as `examples/demo.rs` does.

mod reader;
mod sharing;

pub use crate::discovery::{
    AskIndex, Completeness, Extensions, Gap, GapCause, HolderInfo, Holders, IndexConnection,
    IndexDialect, IndexError, ListCache, LookupTitle, Query, each_record, lookup, lookup_in_list,
    request_records,
};
pub use crate::download::{
    CompletedDownload, DownloadError, DownloadEvent, DownloadJob, DownloadProgress,
    DownloadRequest, Downloader, ExpectedDigest, Journal, JournalEntry, JournalEvent, PeerSpeed,
    PeerStats, Probe, Source, TransferError, download_all, probe,
};
pub use crate::library::{BackgroundHasher, LOG_LIBRARY, Watcher};
pub use crate::net::{Bandwidth, Cancel, Interface, Provenance};
pub use crate::registration::{Announcer, Event, OwnEnd, Registration};
pub use crate::upload::{RunningUpload, Slots, UploadServer, UploadTotals, Uploads};
pub use reader::{NotDownloaded, Peer};
pub use sharing::{Sharing, SharingOptions};
