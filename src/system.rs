//! The calls that only some systems have, each with a portable way beside it.
//!
//! Everything else in the crate is written for all systems at once. protocol.md does not know
//! this module.

use std::fs::{File, Metadata};
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Opens a regular file below a folder for reading, by its path with `/` between segments: never
/// through a symbolic link, never waiting for the other end of a FIFO, and never anything but a
/// regular file. Returns also what the system says of it.
///
/// # Errors
/// When there is no such file, or it is no regular file ([`io::ErrorKind::InvalidInput`]).
pub fn open_regular(folder: &Path, path: &str) -> io::Result<(File, Metadata)> {
    let file = open_without_following(folder, path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(not_regular()) }
}

#[cfg(unix)]
fn open_without_following(folder: &Path, path: &str) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open, openat};

    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Some((parents, name)) = path.rsplit_once('/') else {
        // Nothing lies between the folder and the file that could be a link.
        let mut whole = PathBuf::with_capacity(folder.as_os_str().len() + 1 + path.len());
        whole.extend([folder, Path::new(path)]);
        return Ok(File::from(open(whole.as_path(), flags, Mode::empty())?));
    };
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = open(folder, directory, Mode::empty())?;
    for segment in parents.split('/') {
        folder = openat(folder, segment, directory | OFlags::NOFOLLOW, Mode::empty())?;
    }
    Ok(File::from(openat(folder, name, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open_without_following(folder: &Path, path: &str) -> io::Result<File> {
    let mut whole = folder.to_path_buf();
    for segment in path.split('/') {
        whole.push(segment);
        if whole.symlink_metadata()?.file_type().is_symlink() {
            let text = "expected a regular file, found a symbolic link";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    File::open(whole)
}

/// Opens a file for reading and writing that this user's programs have left, or makes it: never
/// through a symbolic link, and never anything but a regular file, whatever somebody else may have
/// put in its place.
///
/// # Errors
/// When it is something else, or cannot be opened.
pub(crate) fn open_part(path: &Path, create: bool) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(create).truncate(false);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;

        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(i32::try_from(flags.bits()).map_err(io::Error::other)?);
    }
    #[cfg(not(unix))]
    if path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_symlink()) {
        return Err(not_regular());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular()) }
}

fn not_regular() -> io::Error {
    let text = "expected a regular file, found another kind";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Sends bytes from where the file stands, at most `count`, without passing them through this
/// process; returns how many were sent, 0 at the end of the file.
///
/// # Errors
/// When the file cannot be read or the connection is gone; [`io::ErrorKind::WouldBlock`] when its
/// write timeout has passed.
#[cfg(target_os = "linux")]
pub(crate) fn send_file(file: &File, stream: &TcpStream, count: u64) -> io::Result<usize> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(rustix::fs::sendfile(stream, file, None, count)?)
}

/// The portable way: through a buffer.
#[cfg(not(target_os = "linux"))]
pub(crate) fn send_file(mut file: &File, mut stream: &TcpStream, count: u64) -> io::Result<usize> {
    use std::io::{Read, Write};

    let mut chunk = [0; 64 * 1024];
    let most = usize::try_from(count).unwrap_or(usize::MAX).min(chunk.len());
    let filled = file.read(&mut chunk[..most])?;
    stream.write_all(&chunk[..filled])?;
    Ok(filled)
}

/// Whether accepted connections have the options of their listener.
pub(crate) const HANDS_OPTIONS_DOWN: bool = cfg!(target_os = "linux");

/// Whether a listener's read timeout ends accepting, too.
pub(crate) const ACCEPTING_TIMES_OUT: bool = cfg!(target_os = "linux");

/// Writes bytes behind which others follow at once, so that one segment may take both; the system
/// waits for them if it can.
///
/// # Errors
/// As for any write to a socket.
pub(crate) fn send_before(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::SendFlags;
        Ok(rustix::net::send(stream, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
    }
    #[cfg(not(target_os = "linux"))]
    io::Write::write(&mut &*stream, bytes)
}

/// Whether bytes have arrived that nobody has read, or may have.
pub(crate) fn has_unread(stream: &TcpStream) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::RecvFlags;
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = rustix::net::recv(stream, &mut [0; 1][..], flags);
        peeked.is_ok_and(|(count, _)| count > 0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        true
    }
}

/// Whether a folder lies on a file system that others change without this system being told.
pub(crate) fn is_network_folder(folder: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        // NFS, CIFS, SMB2, SMB, 9P, Ceph, FUSE, AFS, Coda: the numbers of linux/magic.h.
        const NETWORKS: [u32; 9] = [
            0x6969,
            0xff53_4d42,
            0xfe53_4d42,
            0x517b,
            0x0102_1997,
            0x00c3_6400,
            0x6573_5546,
            0x5346_414f,
            0x7375_7245,
        ];
        let kind = rustix::fs::statfs(folder).map(|status| status.f_type);
        // The numbers have 32 bits, the field may have more.
        kind.is_ok_and(|kind| {
            NETWORKS.iter().any(|network| i128::from(*network) == i128::from(kind))
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        false
    }
}

/// Reads from a place of a file, wherever it stands.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, bytes, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, bytes, offset);
}

/// Writes all bytes to a place of a file, wherever it stands.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let (rest, offset) = (&bytes[written..], offset + written as u64);
        #[cfg(unix)]
        let result = std::os::unix::fs::FileExt::write_at(file, rest, offset);
        #[cfg(windows)]
        let result = std::os::windows::fs::FileExt::seek_write(file, rest, offset);
        match result {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Brings everything that was written to a folder's file system to its disk, at once for many
/// files; `false` where the system cannot do that.
pub(crate) fn sync_file_system(folder: &Path) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        rustix::fs::syncfs(File::open(folder)?)?;
        Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        Ok(false)
    }
}

/// Renames a file, unless something has the new name.
///
/// # Errors
/// When something has it ([`io::ErrorKind::AlreadyExists`]), and where the system or the file system
/// cannot do that in one step.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (from, to);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Makes a renamed file's new name survive a power cut, where the system can.
///
/// # Errors
/// When the folder cannot be opened or written to its disk.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The name and release of the operating system, such as `Linux 6.1`: no more of the release than
/// strangers need to know.
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

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}

/// Something that bounds how many connections this machine can serve with a thread each.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bound {
    /// What the system calls it, with its value.
    pub what: String,
    /// How many connections it allows.
    pub connections: usize,
}

/// Raises the limit of open files to what the user may have, and returns what bounds the number of
/// connections; `reserved` files are kept for other things.
pub fn connection_bounds(reserved: usize) -> Vec<Bound> {
    #[cfg(unix)]
    {
        unix_bounds(reserved)
    }
    #[cfg(not(unix))]
    {
        let _ = reserved;
        Vec::new()
    }
}

#[cfg(unix)]
fn unix_bounds(reserved: usize) -> Vec<Bound> {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let mut bounds = Vec::new();
    let mut bound = |name: &str, value: u64, connections: usize| {
        bounds.push(Bound { what: format!("{name} = {value}"), connections });
    };

    let mut files = getrlimit(Resource::Nofile);
    if files.current != files.maximum {
        files.current = files.maximum;
        // If it is refused, the old limit counts below.
        let _ = setrlimit(Resource::Nofile, files);
    }
    if let Some(files) = getrlimit(Resource::Nofile).current {
        bound("open files (ulimit -n)", files, number(files).saturating_sub(reserved));
    }
    // A thread of Rust takes four memory maps, and a process that has none left is aborted.
    if let Some(maps) = first_number("/proc/sys/vm/max_map_count") {
        bound("vm.max_map_count", maps, number(maps).saturating_sub(1500) / 4);
    }
    let of_threads = |threads: u64| number(threads) / 5 * 4;
    if let Some(threads) = first_number("/proc/sys/kernel/threads-max") {
        bound("kernel.threads-max", threads, of_threads(threads));
    }
    if let Some(processes) = getrlimit(Resource::Nproc).current {
        bound("user processes (ulimit -u)", processes, of_threads(processes));
    }
    if let Some(tasks) = control_group_tasks() {
        bound("pids.max of the control group", tasks, of_threads(tasks));
    }
    bounds
}

#[cfg(unix)]
fn first_number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(unix)]
fn control_group_tasks() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    first_number(&format!("/sys/fs/cgroup{group}/pids.max"))
}

/// Socket options that bound what a dead or slow neighbour costs. An option that the system does
/// not have is left out.
pub(crate) fn bound_neighbour(socket: &socket2::SockRef<'_>) -> io::Result<()> {
    use crate::limits;

    let keepalive = socket2::TcpKeepalive::new().with_time(limits::KEEPALIVE_IDLE);
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
    let keepalive =
        keepalive.with_interval(limits::KEEPALIVE_INTERVAL).with_retries(limits::KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    {
        socket.set_tcp_user_timeout(Some(limits::UNACKNOWLEDGED))?;
        socket.set_tcp_notsent_lowat(limits::UNSENT)?;
    }
    Ok(())
}
