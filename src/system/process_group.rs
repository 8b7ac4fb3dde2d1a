//! A child process and all processes that it starts, as one group.
//!
//! Elsewhere than on Unix there are no process groups: only the child itself is ended.

use std::io;
use std::process::{Child, Command};

/// Starts the command as the leader of a process group.
///
/// # Errors
/// When the system cannot start it.
pub(crate) fn start_group(command: &mut Command) -> io::Result<Child> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command.spawn()
}

/// Whether the leader has ended. It is not waited for, so its number stays that of its group.
#[cfg(unix)]
pub(crate) fn has_ended(leader: &mut Child) -> bool {
    use rustix::process::{WaitId, WaitIdOptions, waitid};

    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // An error says that it was waited for.
    !matches!(waitid(WaitId::Pid(rustix::process::Pid::from_child(leader)), options), Ok(None))
}

/// Whether the leader has ended.
#[cfg(not(unix))]
pub(crate) fn has_ended(leader: &mut Child) -> bool {
    !matches!(leader.try_wait(), Ok(None))
}

/// Kills all processes of the group, and the leader if it has moved to another one. The leader must not have
/// been waited for.
#[cfg(unix)]
pub(crate) fn kill_group(leader: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let _ = kill_process_group(Pid::from_child(leader), Signal::KILL);
    let _ = leader.kill();
}

/// Kills the leader.
#[cfg(not(unix))]
pub(crate) fn kill_group(leader: &mut Child) {
    let _ = leader.kill();
}
