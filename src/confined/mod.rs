//! Isolation of untrusted programs on Linux: namespaces, private files, limits, and killing all processes.
//!
//! A process enters the namespaces ([`enter`]), hides the files of others ([`hide_files`]), copies the
//! program there ([`copy_tree`]), and starts a process inside. That one is the first of its PID namespace:
//! when it ends, the kernel kills all others of the namespace. It keeps a capability that the program does
//! not have, so the program can neither signal nor trace it. It starts the program through [`execute`].
//! Where namespaces are not possible, [`kill_descendants`] finds the processes by their parents.
//!
//! | file | subject |
//! |---|---|
//! | `isolation` | what is isolated |
//! | `namespaces`, `loopback` | namespaces of this process; the loopback interface in them |
//! | `mounts`, `copying` | which files a program sees and can write; copying it with limits |
//! | `processes` | the descendants of this process: what they use, and killing them |
//! | `execution` | limits of a program, and starting it |
//! | `listening` | ports on which programs listen |

mod copying;
mod execution;
mod isolation;
mod listening;
mod loopback;
mod mounts;
mod namespaces;
mod processes;

pub(crate) use copying::{copy_tree, make_directory, remove_tree, size_of_tree};
pub(crate) use execution::{Limited, execute};
pub(crate) use isolation::Isolation;
pub(crate) use listening::listening_ports;
pub(crate) use mounts::{PRIVATE, hide_files, mount_processes};
pub(crate) use namespaces::{
    can_change_user, drop_capabilities, end_with_parent, enter, leave_terminal, own_program,
    refuse_tracing,
};
pub(crate) use processes::{
    adopt_orphans, descendants, kill_descendants, reap_orphans, tasks_of_user,
};
