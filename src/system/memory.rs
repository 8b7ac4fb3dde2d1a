//! Limits of the system on the memory of this process (protocol.md section 7).

use std::fmt;
use std::path::Path;

use crate::limits;

/// The kind of a limit on the memory of a process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MemoryBoundKind {
    /// The memory of the machine.
    Ram,
    /// Mapped memory, used or not.
    AddressSpace,
    /// The writable part of the mapped memory.
    DataSegment,
    /// The memory that all processes of a control group use.
    ControlGroup,
}

impl MemoryBoundKind {
    /// Bytes that a program uses before it serves its first connection. `None` if exceeding the limit
    /// makes the process slow and does not end it.
    const fn own(self) -> Option<u64> {
        match self {
            Self::Ram => None,
            Self::AddressSpace => Some(limits::OWN_ADDRESS_SPACE),
            Self::DataSegment => Some(limits::OWN_DATA),
            Self::ControlGroup => Some(limits::OWN_MEMORY),
        }
    }

    /// Whether an allocation beyond the limit fails, which ends a process.
    const fn fails_allocations(self) -> bool {
        matches!(self, Self::AddressSpace | Self::DataSegment)
    }
}

impl fmt::Display for MemoryBoundKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ram => "RAM",
            Self::AddressSpace => "address space (ulimit -v)",
            Self::DataSegment => "data segment (ulimit -d)",
            Self::ControlGroup => "memory of the control group",
        })
    }
}

/// A limit on the memory of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MemoryBound {
    /// The kind of the limit.
    pub kind: MemoryBoundKind,
    /// The limit in bytes.
    pub bytes: u64,
}

impl MemoryBound {
    /// The largest memory limit of the program with which the process stays within this bound: it may
    /// use a quarter more than its limit. `None` if exceeding the bound does not end the process.
    pub fn room(&self) -> Option<u64> {
        Some(self.bytes.saturating_sub(self.kind.own()?) / 5 * 4)
    }
}

/// The system gives a program too little memory.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "too little memory: {kind} is {} KiB, expected at least {} KiB; raise that limit", found >> 10, needed >> 10
)]
pub struct TooLittleMemory {
    kind: MemoryBoundKind,
    found: u64,
    needed: u64,
}

impl TooLittleMemory {
    /// Checks that each bound that ends a process allows a memory limit of `least` bytes.
    ///
    /// # Errors
    /// With the first bound that does not.
    pub fn check(bounds: &[MemoryBound], least: u64) -> Result<(), Self> {
        let is_tight = |bound: &&MemoryBound| bound.room().is_some_and(|room| room < least);
        let Some(&MemoryBound { kind, bytes: found }) = bounds.iter().find(is_tight) else {
            return Ok(());
        };
        let needed = kind.own().unwrap_or(0) + least / 4 * 5;
        Err(Self { kind, found, needed })
    }
}

/// Checks that a peer has enough memory, so that its allocations do not fail.
///
/// # Errors
/// When there is too little memory.
pub fn check_peer_memory() -> Result<(), TooLittleMemory> {
    let mut bounds = memory_bounds();
    bounds.retain(|bound| bound.kind.fails_allocations());
    TooLittleMemory::check(&bounds, limits::PEER_MEMORY_LEAST)
}

/// Bytes of records that a command may keep of a list. There are fewer if an allocation beyond a bound
/// fails.
pub fn listed_bytes() -> usize {
    let bounds = memory_bounds();
    let bounds = bounds.iter().filter(|bound| bound.kind.fails_allocations());
    let least = bounds.filter_map(MemoryBound::room).min().unwrap_or(u64::MAX);
    listed_bytes_of(least)
}

fn listed_bytes_of(room: u64) -> usize {
    /// A growing list doubles, and a record takes more memory than its lines.
    const PART: u64 = 8;
    let most = usize::try_from(room / PART).unwrap_or(usize::MAX);
    limits::LISTED_BYTES.min(most)
}

/// All limits on the memory of this process, the tightest first.
pub fn memory_bounds() -> Vec<MemoryBound> {
    let mut bounds = Vec::new();
    let mut bound = |kind, bytes: Option<u64>| {
        bounds.extend(bytes.map(|bytes| MemoryBound { kind, bytes }));
    };
    bound(
        MemoryBoundKind::Ram,
        total_memory(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default()),
    );
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        bound(MemoryBoundKind::AddressSpace, getrlimit(Resource::As).current);
        bound(MemoryBoundKind::DataSegment, getrlimit(Resource::Data).current);
    }
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    bound(
        MemoryBoundKind::ControlGroup,
        control_group_memory(&groups, Path::new("/sys/fs/cgroup")),
    );
    bounds.sort_by_key(|bound| bound.bytes);
    bounds
}

/// If the address space is limited, starts this program again with two malloc arenas, or with one if
/// there is no space for two.
///
/// The allocator of glibc reserves 64 MiB of address space for each arena, and makes up to eight
/// arenas for each processor: on two processors they would fill 1 GiB while little of it is used.
/// glibc reads the number of arenas from the environment when a program starts, and there is no
/// other way without unsafe code. The process keeps its id, arguments, descriptors and signals.
///
/// # Errors
/// When the program cannot be started again. It can run on, with less memory.
pub fn limit_malloc_arenas() -> std::io::Result<()> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::os::unix::process::CommandExt;

        use rustix::process::{Resource, getrlimit};

        const VARIABLE: &str = "MALLOC_ARENA_MAX";
        /// Address space below which there is one arena: a second one reserves up to 128 MiB.
        const SMALL: u64 = 512 * 1024 * 1024;
        let limit = getrlimit(Resource::As).current;
        let is_set = std::env::var_os(VARIABLE).is_some();
        let mut arguments = std::env::args_os();
        if let Some(limit) = limit
            && !is_set
            && let Some(name) = arguments.next()
        {
            let mut command = std::process::Command::new(std::env::current_exe()?);
            let arenas = if limit < SMALL { "1" } else { "2" };
            command.arg0(name).args(arguments).env(VARIABLE, arenas);
            return Err(command.exec());
        }
    }
    Ok(())
}

/// The RAM of this machine; `None` without `/proc/meminfo`.
fn total_memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The smallest memory limit of the control groups that contain this process, of both versions.
fn control_group_memory(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        // `0::/path` is version 2, `4:memory:/path` the memory controller of version 1.
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        match controllers {
            "" => smallest(root, path, "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                smallest(&root.join("memory"), path, "memory.limit_in_bytes")
            }
            _ => None,
        }
    });
    limits.min()
}

/// Version 1 writes the largest multiple of the page size if there is no limit.
const UNLIMITED: u64 = 1 << 62;

/// The smallest number in the files of this name, from the group up to the root. In a container the
/// path of the group may be the path on the host, which does not exist here. Then the root counts.
fn smallest(root: &Path, group: &str, file: &str) -> Option<u64> {
    let group = root.join(group.trim_start_matches('/'));
    let groups = group.ancestors().take_while(|ancestor| ancestor.starts_with(root));
    let number = |group: &Path| {
        let text = std::fs::read_to_string(group.join(file)).ok()?;
        text.trim().parse::<u64>().ok().filter(|bytes| *bytes < UNLIMITED)
    };
    groups.filter_map(number).min()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn bound(kind: MemoryBoundKind, mib: u64) -> MemoryBound {
        MemoryBound { kind, bytes: mib << 20 }
    }

    #[test]
    fn a_bound_that_ends_a_process_has_room_for_the_least_limit() {
        let least = 16 << 20;
        let check = |kind, mib| TooLittleMemory::check(&[bound(kind, mib)], least);
        assert_eq!(check(MemoryBoundKind::Ram, 1), Ok(()));
        assert_eq!(check(MemoryBoundKind::AddressSpace, 52), Ok(()));
        let error = check(MemoryBoundKind::AddressSpace, 51).unwrap_err();
        assert_eq!(
            error.to_string(),
            "too little memory: address space (ulimit -v) is 52224 KiB, expected at least 53248 KiB; \
             raise that limit"
        );
        assert!(check(MemoryBoundKind::ControlGroup, 20).is_err());
        assert_eq!(bound(MemoryBoundKind::AddressSpace, 10).room(), Some(0));
    }

    #[test]
    fn less_of_a_list_is_kept_in_little_memory() {
        assert_eq!(listed_bytes_of(u64::MAX), limits::LISTED_BYTES);
        assert_eq!(listed_bytes_of(32 << 20), 4 << 20);
    }

    #[test]
    fn the_ram_of_a_machine() {
        assert_eq!(total_memory("MemTotal:       16 kB\nMemFree: 1 kB\n"), Some(16384));
        assert_eq!(total_memory("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn the_smallest_limit_of_all_groups_of_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir_all(root.join("memory/c")).unwrap();
        fs::write(root.join("a/b/memory.max"), "max\n").unwrap();
        fs::write(root.join("a/memory.max"), "5000\n").unwrap();
        fs::write(root.join("memory/c/memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        let of = |groups| control_group_memory(groups, root);
        assert_eq!(of("0::/a/b\n"), Some(5000));
        assert_eq!(of("0::/elsewhere\n"), None);
        fs::write(root.join("memory.max"), "4000").unwrap();
        assert_eq!(of("0::/elsewhere\n"), Some(4000));
        assert_eq!(of("3:cpu,memory:/c\n1:pids:/a\n"), None);
        fs::write(root.join("memory/memory.limit_in_bytes"), "3000").unwrap();
        assert_eq!(of("0::/a/b\n3:memory:/c\n"), Some(3000));
        assert_eq!(of("unknown\n0:\n"), None);
    }
}
