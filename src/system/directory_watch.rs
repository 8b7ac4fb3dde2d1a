//! Reports of the system that something has changed in a directory.
//!
//! On Linux they come from inotify. Elsewhere there are none, and callers scan the directory at intervals.
//! That a file was opened or read is not reported: this program reads what it uploads.

#[cfg(target_os = "linux")]
mod inotify;
#[cfg(not(target_os = "linux"))]
mod none;

#[cfg(target_os = "linux")]
pub(crate) use inotify::DirectoryWatch;
#[cfg(not(target_os = "linux"))]
pub(crate) use none::DirectoryWatch;

/// Why a caller is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Report {
    /// Something has changed.
    Changed,
    /// Reports were lost, or there are no more: the directory was moved or removed, or a new
    /// directory below it could not be watched.
    Ended,
}
