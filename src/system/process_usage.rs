//! The resources that this process uses, and its end.

use std::time::Duration;

/// Resources of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProcessUsage {
    /// Processor time of all threads.
    pub(crate) processor_time: Duration,
    /// Bytes in RAM.
    pub(crate) resident_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) open_files: u64,
}

/// Ends this process as SIGTERM does: what the program does at its end is done.
pub(crate) fn end_this_process() {
    #[cfg(unix)]
    {
        let sent =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
        if let Err(error) = sent {
            log::error!("cannot end this process: {error}");
        }
    }
    #[cfg(not(unix))]
    std::process::exit(0);
}

/// The resources of this process; `None` where the system does not tell.
pub(crate) fn process_usage() -> Option<ProcessUsage> {
    #[cfg(target_os = "linux")]
    {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let open_files = std::fs::read_dir("/proc/self/fd").ok()?.count();
        let ticks = rustix::param::clock_ticks_per_second();
        let page = u64::try_from(rustix::param::page_size()).ok()?;
        of_stat(&stat, ticks, page, u64::try_from(open_files).ok()?)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Reads the fields of proc_pid_stat(5).
#[cfg(target_os = "linux")]
fn of_stat(stat: &str, ticks: u64, page: u64, open_files: u64) -> Option<ProcessUsage> {
    // The name of the program, in brackets, may contain blanks and brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The first field after the name has the number 3.
    let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
    let used = field(14)?.saturating_add(field(15)?);
    let milliseconds = used.saturating_mul(1000).checked_div(ticks)?;
    Some(ProcessUsage {
        processor_time: Duration::from_millis(milliseconds),
        resident_bytes: field(24)?.saturating_mul(page),
        threads: field(20)?,
        open_files,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_process() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 3 18 19 20 100 22";
        let usage = of_stat(stat, 100, 4096, 9).unwrap();
        assert_eq!(usage.processor_time, Duration::from_secs(2));
        assert_eq!((usage.threads, usage.open_files, usage.resident_bytes), (3, 9, 409_600));
        let own = process_usage().unwrap();
        assert!(own.threads > 0 && own.resident_bytes > 100_000 && own.open_files > 2);
        assert_eq!(of_stat("7 (a) S 1", 100, 4096, 9), None);
    }
}
