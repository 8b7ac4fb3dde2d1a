//! The memory that the system reports: of one process, and of the kernel for all.

use std::fs;
use std::io;

/// The memory of a process.
pub(crate) struct Memory(u32);

impl Memory {
    pub(crate) fn of(process: u32) -> Self {
        Self(process)
    }

    /// Bytes that it has now.
    pub(crate) fn now(&self) -> io::Result<u64> {
        field(&format!("/proc/{}/status", self.0), "VmRSS:")
    }

    /// The most bytes that it had since the peak was forgotten.
    pub(crate) fn peak(&self) -> io::Result<u64> {
        field(&format!("/proc/{}/status", self.0), "VmHWM:")
    }

    pub(crate) fn forget_peak(&self) -> io::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5")
    }
}

/// Kernel memory for threads and sockets of all processes.
#[derive(Clone, Copy)]
pub(crate) struct Kernel {
    pub(crate) stacks: u64,
    pub(crate) page_tables: u64,
    /// Everything small: tasks, sockets of both ends, files.
    pub(crate) slabs: u64,
}

impl Kernel {
    pub(crate) fn now() -> io::Result<Self> {
        let field = |name| field("/proc/meminfo", name);
        Ok(Self {
            stacks: field("KernelStack:")?,
            page_tables: field("PageTables:")?,
            slabs: field("Slab:")?,
        })
    }
}

fn field(path: &str, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = value.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
    let missing = || io::Error::other(format!("expected `{name}` in {path}"));
    Ok(kibibytes.ok_or_else(missing)? * 1024)
}
