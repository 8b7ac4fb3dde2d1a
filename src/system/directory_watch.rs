//! Reports of the system about changes in a directory.
//!
//! On Linux they come from inotify. Other systems have none, and callers scan the directory at intervals.
//! Opening and reading a file is not reported, because uploads do that.

#[cfg(target_os = "linux")]
mod inotify;
#[cfg(not(target_os = "linux"))]
mod none;

#[cfg(target_os = "linux")]
pub(crate) use inotify::DirectoryWatch;
#[cfg(not(target_os = "linux"))]
pub(crate) use none::DirectoryWatch;

/// A report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Report {
    /// The directory has changed.
    Changed,
    /// Reports were lost, or have ended: the directory was moved or removed, or a new directory below it
    /// could not be watched.
    Ended,
}
