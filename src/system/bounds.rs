//! Limits of the system on connections, and on the parallel transfers of a peer (protocol.md section 7).

use crate::limits;

/// A limit of the system on the number of connections with a thread each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bound {
    /// The name of the limit in the system, with its value.
    pub what: String,
    /// The number of connections that it allows.
    pub connections: usize,
}

/// Raises the limit of open files as far as the user may, and returns the limits on the number of
/// connections. `reserved` descriptors are kept for other purposes.
pub fn connection_bounds(reserved: usize) -> Vec<Bound> {
    #[cfg(unix)]
    {
        unix_bounds(reserved)
    }
    #[cfg(not(unix))]
    {
        let _ = reserved;
        Vec::new()
    }
}

/// The parallel downloads of a peer that its limit of descriptors allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerBounds {
    /// Documents that are downloaded in parallel.
    pub downloads: usize,
    /// Holders from which one document is downloaded in parallel.
    pub segments: usize,
    /// Complete documents of a worker, and of all workers together, that are open until they are saved.
    pub complete: usize,
}

/// The limit of descriptors is too low to transfer a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "too few file descriptors: open files (ulimit -n) is {0}, expected at least {least}; raise that limit",
    least = limits::PEER_FILES_LEAST
)]
pub struct TooFewFiles(usize);

/// Raises the limit of open files as far as the user may, and checks that it is enough for a peer.
///
/// # Errors
/// When it is not.
pub fn check_peer_files() -> Result<(), TooFewFiles> {
    let files = open_files();
    if files < limits::PEER_FILES_LEAST { Err(TooFewFiles(files)) } else { Ok(()) }
}

/// Raises the limit of open files as far as the user may, and returns the downloads that it allows.
pub fn peer_bounds() -> PeerBounds {
    PeerBounds::of(open_files())
}

impl PeerBounds {
    fn of(files: usize) -> Self {
        // Standard streams, listener, connections to the index, watches, journal, stores.
        const BASE: usize = 24;
        let half = files.saturating_sub(BASE) / 2;
        Self {
            // A part file, and connections to holders that are tried in parallel.
            downloads: (half / 10).clamp(1, limits::DOWNLOADS_AT_ONCE),
            segments: (half / 10).clamp(1, limits::SEGMENTS_AT_ONCE),
            complete: (half / 10).clamp(1, limits::BATCH),
        }
    }
}

/// The number of descriptors that this process may open. Raises the limit as far as the user may.
#[cfg(not(unix))]
pub fn open_files() -> usize {
    usize::MAX
}

/// The number of descriptors that this process may open. Raises the limit as far as the user may.
#[cfg(unix)]
pub fn open_files() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut files = getrlimit(Resource::Nofile);
    if files.current != files.maximum {
        files.current = files.maximum;
        // If this fails, the old limit is read below.
        let _ = setrlimit(Resource::Nofile, files);
    }
    let current = getrlimit(Resource::Nofile).current;
    current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

#[cfg(unix)]
fn unix_bounds(reserved: usize) -> Vec<Bound> {
    use rustix::process::{Resource, getrlimit};

    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let mut bounds = Vec::new();
    let mut bound = |name: &str, value: u64, connections: usize| {
        bounds.push(Bound { what: format!("{name} = {value}"), connections });
    };

    let files = open_files();
    if files < usize::MAX {
        bound("open files (ulimit -n)", files as u64, files.saturating_sub(reserved));
    }
    // A thread takes four memory maps, and a process without free maps is aborted.
    if let Some(maps) = first_number("/proc/sys/vm/max_map_count") {
        bound("vm.max_map_count", maps, number(maps).saturating_sub(1500) / 4);
    }
    let of_threads = |threads: u64| number(threads) / 5 * 4;
    if let Some(threads) = first_number("/proc/sys/kernel/threads-max") {
        bound("kernel.threads-max", threads, of_threads(threads));
    }
    if let Some(processes) = getrlimit(Resource::Nproc).current {
        bound("user processes (ulimit -u)", processes, of_threads(processes));
    }
    if let Some(tasks) = control_group_tasks() {
        bound("pids.max of the control group", tasks, of_threads(tasks));
    }
    bounds
}

#[cfg(unix)]
fn first_number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(unix)]
fn control_group_tasks() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    first_number(&format!("/sys/fs/cgroup{group}/pids.max"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_with_few_descriptors_does_less_at_the_same_time() {
        let of = |files| {
            let PeerBounds { downloads, segments, complete } = PeerBounds::of(files);
            (downloads, segments, complete)
        };
        assert_eq!(of(usize::MAX), (8, 8, 64));
        assert_eq!(of(1024), (8, 8, 50));
        assert_eq!(of(64), (2, 2, 2));
        assert_eq!(of(0), (1, 1, 1));
    }
}
