//! Downloads into the shared directory.
//!
//! | file | subject |
//! |---|---|
//! | `many` | several downloads: journal, library and index |
//! | `running`, `one` | the downloads that run in this process; one of them |
//! | `history` | what has happened to a document |
//! | `found` | from which sources its holders were learned |
//! | `change` | whether a document is new or changed |
//! | `on_disk`, `trusted` | files and their digests, compared with trusted digests |
//! | `versions` | different versions that holders announce |
//! | `subdirectories` | documents that earlier runs have downloaded into subdirectories |
//! | `share_directory` | creation and removal of the shared directory |

pub(super) mod change;
pub(super) mod found;
pub(super) mod history;
pub(super) mod many;
pub(super) mod on_disk;
pub(super) mod one;
pub(super) mod running;
pub(super) mod share_directory;
pub(super) mod subdirectories;
pub(super) mod trusted;
pub(super) mod versions;
