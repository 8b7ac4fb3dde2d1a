//! How many connections this machine can serve.

/// Something that bounds how many connections this machine can serve with a thread each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bound {
    /// What the system calls it, with its value.
    pub what: String,
    /// How many connections it allows.
    pub connections: usize,
}

/// Raises the limit of open files to what the user may have, and returns what bounds the number of
/// connections; `reserved` files are kept for other things.
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

#[cfg(unix)]
fn unix_bounds(reserved: usize) -> Vec<Bound> {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let mut bounds = Vec::new();
    let mut bound = |name: &str, value: u64, connections: usize| {
        bounds.push(Bound { what: format!("{name} = {value}"), connections });
    };

    let mut files = getrlimit(Resource::Nofile);
    if files.current != files.maximum {
        files.current = files.maximum;
        // If it is refused, the old limit counts below.
        let _ = setrlimit(Resource::Nofile, files);
    }
    if let Some(files) = getrlimit(Resource::Nofile).current {
        bound("open files (ulimit -n)", files, number(files).saturating_sub(reserved));
    }
    // A thread of Rust takes four memory maps, and a process that has none left is aborted.
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
