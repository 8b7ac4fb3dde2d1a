//! System calls that only some systems have, each with a portable alternative, and page-aligned memory.
//!
//! All other modules are the same for all systems.
//!
//! | file | subject |
//! |---|---|
//! | `bounds`, `memory` | how many descriptors, threads and bytes this process may use |
//! | `files`, `rename`, `directories` | opening, reading and writing files; renaming without replacing; paths without links |
//! | `fifos`, `mounts`, `directory_watch` | FIFOs as targets; changes of mounts, and changes in a directory |
//! | `private_file` | files that only the user of the program can read |
//! | `page_aligned` | buffers that begin at a page boundary |
//! | `process_group`, `process_usage` | a child process and all processes that it starts; the resources and the end of this process |
//! | `sockets`, `readiness`, `unacknowledged` | sending, receiving and socket options; waiting for several sockets; unacknowledged data |
//! | `own_connection` | connections of a program to itself, which are refused |
//! | `unix_sockets` | Unix sockets, and the user on the other side |
//! | `service_manager` | sockets from systemd, and messages to it |
//! | `signals`, `terminal` | signals; the mode of the terminal |

mod bounds;
mod directories;
mod directory_watch;
mod fifos;
mod files;
mod memory;
mod mounts;
mod own_connection;
mod page_aligned;
mod private_file;
mod process_group;
mod process_usage;
mod readiness;
mod rename;
mod service_manager;
mod signals;
mod sockets;
mod terminal;
mod unacknowledged;
#[cfg(unix)]
mod unix_sockets;

use std::sync::OnceLock;

pub use bounds::{
    Bound, PeerBounds, TooFewFiles, check_peer_files, connection_bounds, open_files, peer_bounds,
};
pub(crate) use directories::{Directory, DirectoryId, Entered, directory_id};
pub(crate) use directory_watch::{DirectoryWatch, Report};
pub(crate) use fifos::{is_fifo, open_fifo};
pub(crate) use files::{
    free_space, is_at, is_disk_failure, is_disk_full, is_link_or_socket, is_network_directory,
    is_same_file, is_shortage, open_append, open_existing, open_part, open_without_following,
    read_at, sync_file_system, write_at,
};
pub use files::{open_regular, sync_directory};
pub use memory::{
    MemoryBound, MemoryBoundKind, TooLittleMemory, check_peer_memory, limit_malloc_arenas,
    listed_bytes, memory_bounds,
};
pub(crate) use mounts::Mounts;
pub(crate) use own_connection::{connect, refuse_own};
pub use page_aligned::PageAligned;
pub(crate) use private_file::{create_private, is_open_to_others, replace_private};
pub(crate) use process_group::{has_ended, kill_group, start_group};
pub(crate) use process_usage::{end_this_process, process_usage};
pub(crate) use readiness::{Direction, is_connecting, wait_for_any};
pub(crate) use rename::rename_new;
pub(crate) use service_manager::{
    ServiceChange, has_service_manager, inherited_listeners, notify_service_manager, watchdog_time,
};
pub use signals::{Signal, Signals, has_controlling_terminal};
pub(crate) use sockets::{
    ACCEPT_TIMES_OUT, INHERITS_OPTIONS, SENDS_WITHOUT_WAITING, WRITES_RESUME, allow_slow_reader,
    discard_on_close, has_unread, lift_unsent_limit, receive, send_more, set_peer_options,
    try_receive, try_send,
};
#[cfg(target_os = "linux")]
pub(crate) use sockets::{is_of_file, send_file};
pub(crate) use terminal::{TerminalMode, is_journal, wait_for_input};
pub(crate) use unacknowledged::unacknowledged;
#[cfg(unix)]
pub use unix_sockets::LocalUser;
#[cfg(unix)]
pub(crate) use unix_sockets::{
    has_unread_local, listen_at, local_user, try_receive_local, try_send_local,
};

/// The name and release of the operating system, such as `Linux 6.1`. The rest of the release is not
/// disclosed to other peers.
pub fn operating_system() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(find_operating_system)
}

fn find_operating_system() -> String {
    #[cfg(unix)]
    {
        let system = rustix::system::uname();
        let release = system.release().to_string_lossy();
        let release: Vec<&str> = release.split(['.', '-']).take(2).collect();
        format!("{} {}", system.sysname().to_string_lossy(), release.join("."))
    }
    #[cfg(not(unix))]
    std::env::consts::OS.to_string()
}

/// The command that shows which program listens on a TCP port.
pub(crate) fn listener_command(port: u16) -> String {
    if cfg!(target_os = "linux") {
        format!("ss -ltnp sport = :{port}")
    } else if cfg!(windows) {
        format!("netstat -ano -p TCP | findstr :{port}")
    } else {
        format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
    }
}

/// Whether this process has the rights of root.
pub(crate) fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}
