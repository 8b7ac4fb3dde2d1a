//! Detects that file systems were mounted or unmounted. Reports about a directory do not include this.

#[cfg(target_os = "linux")]
use std::fs::File;

/// The mounts of this process. On systems other than Linux no change is detected.
#[derive(Debug)]
pub(crate) struct Mounts {
    #[cfg(target_os = "linux")]
    table: Option<File>,
}

impl Mounts {
    /// Detects changes from now on.
    pub(crate) fn new() -> Self {
        #[cfg(target_os = "linux")]
        return Self { table: File::open("/proc/self/mountinfo").ok() };
        #[cfg(not(target_os = "linux"))]
        Self {}
    }

    /// Whether a file system was mounted or unmounted since the last call.
    pub(crate) fn have_changed(&self) -> bool {
        #[cfg(target_os = "linux")]
        if let Some(table) = &self.table {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};

            // The system reports a change as an error condition, once for each open file.
            let mut descriptors = [PollFd::new(table, PollFlags::PRI)];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            return poll(&mut descriptors, Some(&now)).is_ok()
                && descriptors.iter().any(|table| table.revents().contains(PollFlags::PRI));
        }
        false
    }
}
