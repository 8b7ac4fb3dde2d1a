//! Files of downloads that are not complete (protocol.md sections 5.6, 7 and 9).
//!
//! | file | subject |
//! |---|---|
//! | `partial_file` | a document that is being downloaded, in a part file of one of three kinds |
//! | `temporary` | a part file that is deleted when it is dropped |
//! | `resumable` | a part file that holds the beginning of a document with a known digest |
//! | `chunked` | a part file that receives chunks in any order, with a map of the complete ones |
//! | `commit` | syncs complete files and renames them into place |
//! | `way` | creates the directories of a target's path, and syncs those that have changed |
//! | `opening` | which part file a download writes, and what it does if another process is writing it |
//! | `lock` | opens, locks and deletes part files that other processes may use |
//! | `part_files` | the part files that earlier downloads have left in a directory |
//! | `part_limits` | which part files are deleted to keep within the limits |
//! | `part_names` | names of part files |
//! | `kept_bytes` | how much of a document its part files have |

mod chunked;
mod commit;
mod kept_bytes;
mod lock;
mod opening;
mod part_files;
mod part_limits;
mod part_names;
mod partial_file;
mod resumable;
mod temporary;
mod way;

pub use chunked::{CHUNK, ChunkedPart};
pub use commit::CommitResults;
pub use kept_bytes::kept_bytes;
pub use lock::{Opened, PartsInUse};
pub use part_files::PartFiles;
pub use partial_file::PartialFile;
