//! The metrics of a process, under the names that Prometheus has for them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::exposition::{Exposition, number};
use crate::system;

/// Writes the version and the resources of this process.
pub(super) fn expose_process(
    to: &mut Exposition<'_>,
    program: &'static str,
    started: SystemTime,
) -> fmt::Result {
    let labels = [("program", program), ("version", env!("CARGO_PKG_VERSION"))];
    to.info("p2p_ci_build", "The program and its version", labels)?;
    let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let help = "When the process has started, in seconds since 1970";
    to.gauge("process_start_time_seconds", help, since.as_secs_f64())?;
    let Some(usage) = system::process_usage() else { return Ok(()) };
    let help = "Processor time of the process, in seconds";
    to.counter("process_cpu_seconds", help, usage.processor_time.as_secs_f64())?;
    let help = "Memory that the process has in RAM";
    to.gauge("process_resident_memory_bytes", help, number(usage.resident_bytes))?;
    to.gauge("process_threads", "Threads of the process", number(usage.threads))?;
    to.gauge("process_open_fds", "Open file descriptors", number(usage.open_files))?;
    let help = "The largest number of open file descriptors";
    to.gauge("process_max_fds", help, number(system::open_files()))
}
