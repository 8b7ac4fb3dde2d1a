//! How much memory this process may take.

use std::path::Path;

/// Something that bounds the memory of this process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemoryBound {
    /// What the system calls it.
    pub what: &'static str,
    /// Bytes.
    pub bytes: u64,
}

/// Everything that bounds the memory of this process, the tightest first.
pub fn memory_bounds() -> Vec<MemoryBound> {
    let mut bounds = Vec::new();
    let mut bound = |what, bytes: Option<u64>| {
        bounds.extend(bytes.map(|bytes| MemoryBound { what, bytes }));
    };
    bound("RAM", total_memory(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default()));
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        bound("address space (ulimit -v)", getrlimit(Resource::As).current);
        bound("data segment (ulimit -d)", getrlimit(Resource::Data).current);
    }
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    bound(
        "memory of the control group",
        control_group_memory(&groups, Path::new("/sys/fs/cgroup")),
    );
    bounds.sort_by_key(|bound| bound.bytes);
    bounds
}

/// Starts this program again with two malloc arenas, where the address space is limited.
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
        let is_limited = getrlimit(Resource::As).current.is_some();
        let is_set = std::env::var_os(VARIABLE).is_some();
        let mut arguments = std::env::args_os();
        if is_limited
            && !is_set
            && let Some(name) = arguments.next()
        {
            let mut command = std::process::Command::new(std::env::current_exe()?);
            command.arg0(name).args(arguments).env(VARIABLE, "2");
            return Err(command.exec());
        }
    }
    Ok(())
}

/// The RAM of this machine. Systems without `/proc/meminfo` do not tell.
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

/// Version 1 writes the largest multiple of a page for no limit.
const UNLIMITED: u64 = 1 << 62;

/// The smallest number in the files of this name, from the group up to the root. In a container
/// the path may be that of the host, which does not exist here: then the root counts.
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
        assert_eq!(of("nonsense\n0:\n"), None);
    }
}
