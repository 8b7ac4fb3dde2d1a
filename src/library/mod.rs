//! The documents that a peer shares, their titles and files; downloads until they are complete.
//!
//! | file | subject |
//! |---|---|
//! | `catalog` | the shared documents of a directory |
//! | `scanner`, `comparison`, `scan_state` | scans of the directory; what has changed; the state that is kept from one scan to the next |
//! | `watcher` | scans when the directory changes |
//! | `adding` | sharing single files and downloaded documents |
//! | `entry` | one shared document, and how its file is opened |
//! | `directory`, `file_state` | the files in a directory, and their states |
//! | `name`, `folded_name` | paths and documents; how file systems compare names |
//! | `titles` | titles from first pages and from `rfc-index.txt` |
//! | `packed`, `unpacked` | documents in gzip files; unpacked copies that several readers share |
//! | `hand_over` | moves documents that were handed over out of the shared directory |
//! | `digest` | SHA-256, the digest cache, and its store |
//! | `partial` | part files, how they are resumed, and how they get their final names |
//! | `target`, `saved` | where a document is saved; a file whose bytes are known |
//! | `downloaded_files` | a directory in place of a document, which a forced download replaces |
//! | `store_file` | files in which several programs of one user keep what they have learned |
//!
//! The library scans its directory only when it is asked to. A document is opened for upload
//! through its [`Entry`], which never follows a symbolic link. protocol.md sections 2.3 and 5.

mod adding;
mod catalog;
mod comparison;
mod digest;
mod directory;
mod downloaded_files;
mod entry;
mod file_state;
mod folded_name;
mod hand_over;
mod name;
mod packed;
mod partial;
mod saved;
mod scan_state;
mod scanner;
mod store_file;
mod target;
mod titles;
mod unpacked;
mod watcher;

pub use catalog::{Library, SharedLibrary};
#[doc(hidden)]
pub use digest::{BackgroundHasher, DigestCache, Hasher};
pub use directory::{Depth, SharedDirectory};
pub use entry::{Entry, OpenDocument};
#[doc(hidden)]
pub use name::{NotSaved, candidate_groups, candidates, document_of, file_name_of, is_packed};
pub use partial::PartialFile;
#[doc(hidden)]
pub use partial::{CHUNK, ChunkedPart, CommitResults, Opened, PartFiles, PartsInUse, kept_bytes};
#[doc(hidden)]
pub use saved::Saved;
pub use scanner::ScanResult;
#[doc(hidden)]
pub use store_file::StoreFile;
pub use target::SaveTarget;
#[doc(hidden)]
pub use unpacked::UnpackedCopies;
#[doc(hidden)]
pub use watcher::{LOG_LIBRARY, Watcher};
