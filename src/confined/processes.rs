//! The descendants of this process: what they use, and killing them.
//!
//! They are found by their parents in /proc. Orphans are adopted by this process, if it is the first of its
//! PID namespace or has called [`adopt_orphans`].

use std::fs;
use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};

use crate::limits;

/// A descendant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pid: Pid,
    parent: i32,
    /// When it was started. With its number it is unique.
    start: u64,
    has_ended: bool,
    /// Its resident memory in bytes.
    pub(crate) memory: u64,
}

/// Descendants that this process had before it adopted orphans. Nothing of a program is among them: a shell that
/// executes this program in its place may have left them.
static EARLIER: OnceLock<Vec<(Pid, u64)>> = OnceLock::new();

/// The parent of an orphan among the descendants becomes this process. The descendants that it has now are
/// not counted as such from now on.
///
/// # Errors
/// When the system refuses.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    let now = all_descendants()?;
    let _ = EARLIER.set(now.iter().map(|process| (process.pid, process.start)).collect());
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// All descendants, except those that have ended; none if /proc does not show the processes of this PID
/// namespace.
///
/// # Errors
/// When /proc cannot be read. A program of the same user can lower the limit of open files of this process.
pub(crate) fn descendants() -> io::Result<Vec<Process>> {
    let mut processes = all_descendants()?;
    processes.retain(|process| !process.has_ended);
    Ok(processes)
}

fn all_descendants() -> io::Result<Vec<Process>> {
    let own = getpid().as_raw_nonzero().get();
    if fs::read_link("/proc/self")?.as_os_str() != own.to_string().as_str() {
        return Ok(Vec::new());
    }
    let mut others: Vec<Process> = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number {
            others.extend(process(number)?);
        }
    }
    let earlier = EARLIER.get().map(Vec::as_slice).unwrap_or_default();
    others.retain(|process| !earlier.contains(&(process.pid, process.start)));
    let mut parents = vec![own];
    let mut found = Vec::new();
    while let Some(parent) = parents.pop() {
        let (children, rest) = others.into_iter().partition(|other| other.parent == parent);
        others = rest;
        let children: Vec<Process> = children;
        parents.extend(children.iter().map(|child| child.pid.as_raw_nonzero().get()));
        found.extend(children);
    }
    Ok(found)
}

/// Reads `PID (NAME) STATE PARENT ...`, where the name may have any characters. The 22nd value is the time of
/// the start, and the 24th one the number of resident pages. `None` if there is no such process any more, or it is hidden from this user.
fn process(number: i32) -> io::Result<Option<Process>> {
    use rustix::io::Errno;

    match fs::read(format!("/proc/{number}/stat")) {
        Ok(line) => Ok(parse(number, &line)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM) => Ok(None),
            _ => Err(error),
        },
    }
}

fn parse(number: i32, line: &[u8]) -> Option<Process> {
    let line = String::from_utf8_lossy(line);
    let (_, values) = line.rsplit_once(')')?;
    let mut values = values.split_whitespace();
    let (state, parent) = (values.next()?, values.next()?.parse().ok()?);
    let start = values.nth(17)?.parse().ok()?;
    let pages: u64 = values.nth(1)?.parse().ok()?;
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    let has_ended = matches!(state, "Z" | "X");
    Some(Process {
        pid: Pid::from_raw(number)?,
        parent,
        start,
        has_ended,
        memory: pages.saturating_mul(page),
    })
}

/// Processes and threads of the user of this process.
pub(crate) fn tasks_of_user() -> u64 {
    let user = rustix::process::getuid().as_raw();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    texts.filter_map(|text| tasks(&text, user)).sum()
}

/// Reads the lines `Uid: USER ...` and `Threads: COUNT`. The owner of the file is another one if the process
/// cannot be traced.
fn tasks(status: &str, user: u32) -> Option<u64> {
    let number = |name| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
    };
    if number("Uid:")? == u64::from(user) { number("Threads:") } else { None }
}

/// Reaps adopted descendants that have ended, except the children for whose end another part of this process
/// waits.
pub(crate) fn reap_orphans(is_awaited: impl Fn(u32) -> bool) {
    let own = getpid().as_raw_nonzero().get();
    let ended = all_descendants().into_iter().flatten().filter(|process| process.has_ended);
    for process in ended.filter(|process| process.parent == own) {
        if u32::try_from(process.pid.as_raw_nonzero().get()).is_ok_and(|id| !is_awaited(id)) {
            let _ = waitpid(Some(process.pid), WaitOptions::NOHANG);
        }
    }
}

/// Kills all descendants. Returns whether none is left; if they cannot be read, that is not known.
///
/// They are stopped first, so that few can start others meanwhile, and this is repeated.
pub(crate) fn kill_descendants() -> bool {
    let deadline = Instant::now() + limits::KILLING;
    loop {
        let found = match descendants() {
            Ok(found) if found.is_empty() => return true,
            Ok(found) => found,
            Err(_) => Vec::new(),
        };
        for signal in [Signal::STOP, Signal::KILL] {
            for process in &found {
                let _ = kill_process(process.pid, signal);
            }
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_counted_by_their_user() {
        let status = "Name:\ta b\nUid:\t7\t8\t8\t8\nThreads:\t3\n";
        assert_eq!((tasks(status, 7), tasks(status, 8)), (Some(3), None));
        assert!(tasks_of_user() > 0);
    }

    #[test]
    fn a_process_is_read_with_any_name() {
        let values: Vec<String> = (5..=24).map(|place| format!("{place}00")).collect();
        let line = format!("7 (a) S (b)) S 3 {}", values.join(" "));
        let process = parse(7, line.as_bytes()).unwrap();
        let page = u64::try_from(rustix::param::page_size()).unwrap();
        let found = (process.parent, process.start, process.memory, process.has_ended);
        assert_eq!(found, (3, 2200, 2400 * page, false));
        assert!(parse(7, b"7 (a) Z 3 4").is_none());
    }
}
