//! Which files a program sees and can write, in a mount namespace (`mount_namespaces(7)`).

use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount,
};

use super::copying::make_directory;
use crate::limits;

/// The directory that contains all files that a program can write.
pub(crate) const PRIVATE: &str = "/tmp";

/// Directories with sockets and terminals of others. A program sees empty ones.
const HIDDEN: [&str; 2] = ["/run", "/dev/pts"];
/// Other directories that programs write to.
const SHARED: [&str; 2] = ["/dev/shm", "/var/tmp"];

/// Mounts an empty file system of limited size, hides the files of others (also those in `hidden`), and
/// makes all others read-only. Returns whether all of them are.
///
/// # Errors
/// When the private file system cannot be mounted, or something cannot be hidden.
pub(crate) fn hide_files(hidden: &Path) -> io::Result<bool> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let (size, count) = (limits::SUBMISSION_FILES, limits::SUBMISSION_FILE_COUNT);
    let options = CString::new(format!("size={size},nr_inodes={count},mode=1777"))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", PRIVATE, "tmpfs", flags, options.as_c_str())?;
    let private = Path::new(PRIVATE);
    let (empty, shared) = (private.join(".empty"), private.join(".shared"));
    make_directory(&empty, 0o555, None)?;
    make_directory(&shared, 0o1777, None)?;
    for path in HIDDEN.map(Path::new).into_iter().chain([hidden]) {
        replace(path, &empty)?;
    }
    for path in SHARED {
        replace(Path::new(path), &shared)?;
    }
    let own: Vec<&Path> = own_mounts(hidden).collect();
    for (point, flags) in mounts()?.into_iter().filter(|(point, _)| !is_below(point, &own)) {
        // Whether this has succeeded is read below.
        let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
        let _ = mount_remount(&point, flags, "");
    }
    let mut others = mounts()?.into_iter().filter(|(point, _)| !is_below(point, &own));
    Ok(others.all(|(_, flags)| flags.contains(MountFlags::RDONLY)))
}

/// Mounts what shows the processes of the PID namespace. Returns whether it does.
pub(crate) fn mount_processes() -> bool {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", "/proc", "proc", flags, None).is_ok()
}

/// Shows a directory in place of another one, if that exists.
fn replace(path: &Path, by: &Path) -> io::Result<()> {
    match mount_bind(by, path) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What this file has mounted, and what shows processes, whose files have permissions of their own.
fn own_mounts(hidden: &Path) -> impl Iterator<Item = &Path> {
    HIDDEN.iter().chain(&SHARED).chain(&[PRIVATE, "/proc"]).map(Path::new).chain([hidden])
}

fn is_below(path: &Path, directories: &[&Path]) -> bool {
    directories.iter().any(|directory| path.starts_with(directory))
}

/// All mounts, with those of their flags that must be kept when another one changes.
fn mounts() -> io::Result<Vec<(PathBuf, MountFlags)>> {
    let lines = fs::read("/proc/self/mountinfo")?;
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let parsed =
        lines.map(|line| parse(line).ok_or_else(|| io::Error::other("unknown form of mounts")));
    parsed.collect()
}

/// Reads `ID PARENT DEVICE ROOT POINT FLAGS ...`.
fn parse(line: &[u8]) -> Option<(PathBuf, MountFlags)> {
    let mut words = line.split(|byte| *byte == b' ').skip(4);
    let (point, flags) = (words.next()?, words.next()?);
    let flags = flags.split(|byte| *byte == b',').map(|flag| match flag {
        b"ro" => MountFlags::RDONLY,
        b"nosuid" => MountFlags::NOSUID,
        b"nodev" => MountFlags::NODEV,
        b"noexec" => MountFlags::NOEXEC,
        b"noatime" => MountFlags::NOATIME,
        b"nodiratime" => MountFlags::NODIRATIME,
        b"relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    });
    Some((unescaped(point), flags.collect()))
}

/// Blanks and other characters are written as `\040`.
fn unescaped(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, code, after.get(3..)) {
            (b'\\', Some(code), Some(after)) => {
                bytes.push(code);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_mount() {
        let line =
            br"36 35 98:0 /a /mnt\040two\134 rw,nosuid,relatime shared:1 - ext4 /dev/root rw";
        let (point, flags) = parse(line).unwrap();
        assert_eq!(point, Path::new(r"/mnt two\"));
        assert_eq!(flags, MountFlags::NOSUID | MountFlags::RELATIME);
        assert!(parse(b"36 35 98:0").is_none());
        assert!(!mounts().unwrap().is_empty());
    }
}
