//! The namespaces of this process (`namespaces(7)`), and its relation to others.

use std::fs;
use std::io;

use rustix::process::{
    DumpableBehavior, Signal, getgid, getuid, set_dumpable_behavior,
    set_parent_process_death_signal, setsid,
};
use rustix::system::sethostname;
use rustix::thread::{
    CapabilitySet, UnshareFlags, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, set_capabilities,
};

use super::loopback;

/// The program that this process runs, also if its file was replaced or is hidden.
pub(crate) const fn own_program() -> &'static str {
    "/proc/self/exe"
}

/// Puts this process into a network, mount, IPC and host name of its own, and its future children into a
/// PID namespace. It must have one thread. An ordinary user needs a user namespace for it. The user stays
/// the same, so a program does not get the rights that this process has inside.
///
/// # Errors
/// When the system does not allow it, or a kind of namespace is missing.
pub(crate) fn enter() -> io::Result<()> {
    let (user, group) = (getuid(), getgid());
    let mut flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    if !user.is_root() {
        flags |= UnshareFlags::NEWUSER;
    }
    #[expect(
        deprecated,
        reason = "its replacement is not safe only because of flags that are not used here"
    )]
    rustix::thread::unshare(flags)?;
    if !user.is_root() {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
        fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))?;
        // In a further namespace a program could mount file systems of any size.
        let _ = fs::write("/proc/sys/user/max_user_namespaces", "0");
        keep_capability()?;
    }
    // Many programs listen on the address of their host name.
    sethostname(b"localhost")?;
    loopback::bring_up()
}

/// The capability that the process inside keeps: to mount /proc, and so that no program of the same user
/// can trace it.
const KEPT: CapabilitySet = CapabilitySet::SYS_ADMIN;

/// Keeps the capability when this process executes another program. Otherwise only root would.
fn keep_capability() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    sets.inheritable |= KEPT;
    set_capabilities(None, sets)?;
    Ok(configure_capability_in_ambient_set(KEPT, true)?)
}

/// Programs that this process starts have no capabilities, unless it is root.
///
/// # Errors
/// When the system refuses.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    Ok(clear_ambient_capability_set()?)
}

/// Whether this process may start programs as this user: it is root, and the user exists in its user
/// namespace.
pub(crate) fn can_change_user(user: u32) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_mapped = map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&u64::from(user))
    });
    getuid().is_root() && is_mapped
}

/// This process is killed when its parent ends.
pub(crate) fn end_with_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Other processes of the same user can neither trace this process nor open its files in /proc. What it executes is
/// not concerned.
///
/// # Errors
/// When the system refuses.
pub(crate) fn refuse_tracing() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// This process, and what it starts, has no terminal and gets none of its signals.
pub(crate) fn leave_terminal() {
    // It fails only for the leader of a process group, which has left its terminal before.
    let _ = setsid();
}
