//! Limits of a program, and starting it in place of this process.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitiesSecureBits, set_capabilities_secure_bits, set_no_new_privs};

use crate::limits;

/// What differs between programs.
#[derive(Debug)]
pub(crate) struct Limited<'a> {
    /// An empty directory.
    pub(crate) home: &'a Path,
    /// For temporary files.
    pub(crate) temporary: &'a Path,
    /// The user and the group as which it runs; `None`: those of this process.
    pub(crate) user: Option<u32>,
    /// Processes of the user, of which some may not be of the program.
    pub(crate) processes: u64,
    /// The number of the inherited descriptor to which the error is written if the program cannot be started.
    pub(crate) failure: i32,
}

/// Variables of the environment that a program gets.
const KEPT: [&str; 4] = ["PATH", "LANG", "LC_ALL", "JAVA_HOME"];

/// Starts the program in place of this process. Returns only if that fails.
pub(crate) fn execute(words: &[String], limited: &Limited<'_>) -> io::Error {
    // It is opened again, so that the program does not inherit it.
    let failure = OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", limited.failure));
    let failure = failure.ok();
    let error = start(words, limited, failure.as_ref());
    if let Some(mut failure) = failure {
        // The process that has started this one may have ended.
        let _ = writeln!(failure, "{error}");
    }
    error
}

fn start(words: &[String], limited: &Limited<'_>, failure: Option<&File>) -> io::Error {
    let [program, arguments @ ..] = words else {
        return io::Error::new(io::ErrorKind::InvalidInput, "the command has no words");
    };
    let keep = failure.map(AsRawFd::as_raw_fd);
    if let Err(error) = close_inherited(keep).and_then(|()| limit(limited)) {
        return error;
    }
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    for name in KEPT {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("HOME", limited.home).env("TMPDIR", limited.temporary);
    // Output of a Python program is otherwise delayed until it ends.
    command.env("PYTHONUNBUFFERED", "1");
    if let Some(user) = limited.user {
        command.uid(user).gid(user);
    }
    let error = command.exec();
    // A directory of PATH that this user may not read hides that there is no such program.
    let is_hidden = error.kind() == io::ErrorKind::PermissionDenied && !program.contains('/');
    if is_hidden && !is_in_path(program) {
        return io::Error::new(io::ErrorKind::NotFound, "no such program in PATH");
    }
    error
}

fn is_in_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).exists())
}

/// The first descriptor after standard input, output and error.
const FIRST_OTHER: i32 = 3;

/// Closes all descriptors except standard input, output and error, and this one: files that the user has opened for
/// this process are not for the program. This process must not use any other afterwards.
fn close_inherited(keep: Option<i32>) -> io::Result<()> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        numbers.extend(number.filter(|number| *number >= FIRST_OTHER && Some(*number) != keep));
    }
    for number in numbers {
        // One of them was that of the directory, and is closed already.
        let _ = nix::unistd::close(number);
    }
    Ok(())
}

fn limit(limited: &Limited<'_>) -> io::Result<()> {
    for (resource, most) in [
        (Resource::Cpu, limits::PROGRAM_CPU.as_secs()),
        (Resource::As, limits::PROGRAM_ADDRESSES),
        (Resource::Data, limits::PROGRAM_MEMORY),
        (Resource::Fsize, limits::PROGRAM_FILE),
        (Resource::Nofile, limits::PROGRAM_OPEN_FILES),
        (Resource::Nproc, limited.processes),
        (Resource::Core, 0),
    ] {
        // A lower limit stays.
        let most = getrlimit(resource).maximum.map_or(most, |now| now.min(most));
        let mut limit = Rlimit { current: Some(most), maximum: Some(most) };
        if resource == Resource::Cpu {
            // Below its maximum, so that the signal says why the program ends.
            limit.current = Some(most.saturating_sub(1));
        }
        setrlimit(resource, limit)?;
    }
    // Also root of a container has no capabilities then. Others may not and need not set it.
    let no_root = CapabilitiesSecureBits::NO_ROOT | CapabilitiesSecureBits::NO_ROOT_LOCKED;
    let _ = set_capabilities_secure_bits(no_root);
    // No program with the set-user-ID bit gets more rights.
    set_no_new_privs(true)?;
    // If memory is short, the system ends this program first.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}
