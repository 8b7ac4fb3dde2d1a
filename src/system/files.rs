//! Opening files without following links; reading, writing and syncing files (protocol.md section 9).

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Opens a regular file below a directory for reading, by its path with `/` between segments. This never
/// follows a symbolic link, and never waits for the other end of a FIFO. Returns the file and its
/// metadata.
///
/// # Errors
/// When the file does not exist, or is no regular file ([`io::ErrorKind::InvalidInput`]).
pub fn open_regular(directory: &Path, path: &str) -> io::Result<(File, Metadata)> {
    let file = open_without_following(directory, path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(not_regular()) }
}

/// Opens a file below a directory as [`open_regular`] does, but does not check that it is a regular one.
///
/// # Errors
/// When the file does not exist, or is a symbolic link.
#[cfg(unix)]
pub(crate) fn open_without_following(directory: &Path, path: &str) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open, openat};

    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Some((parents, name)) = path.rsplit_once('/') else {
        // There is no directory in between that could be a link.
        let mut whole = PathBuf::with_capacity(directory.as_os_str().len() + 1 + path.len());
        whole.extend([directory, Path::new(path)]);
        return Ok(File::from(open(whole.as_path(), flags, Mode::empty())?));
    };
    let of_directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut directory = open(directory, of_directory, Mode::empty())?;
    for segment in parents.split('/') {
        directory = openat(directory, segment, of_directory | OFlags::NOFOLLOW, Mode::empty())?;
    }
    Ok(File::from(openat(directory, name, flags, Mode::empty())?))
}

#[cfg(not(unix))]
pub(crate) fn open_without_following(directory: &Path, path: &str) -> io::Result<File> {
    let mut whole = directory.to_path_buf();
    for segment in path.split('/') {
        whole.push(segment);
        if whole.symlink_metadata()?.file_type().is_symlink() {
            let text = "expected a regular file, found a symbolic link";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    File::open(whole)
}

/// Opens a file of this user for reading and writing, and creates it if `create` is set. This never
/// follows a symbolic link, and never opens anything but a regular file.
///
/// # Errors
/// When it is no regular file, or cannot be opened.
pub(crate) fn open_part(path: &Path, create: bool) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(create).truncate(false);
    open_own(path, &mut options)
}

/// Opens an existing file of this user for reading as [`open_part`] does.
///
/// # Errors
/// As [`open_part`], and when it does not exist.
pub(crate) fn open_existing(path: &Path) -> io::Result<File> {
    open_own(path, std::fs::OpenOptions::new().read(true))
}

/// Opens a file for appending as [`open_part`] does, and creates it if there is none.
///
/// # Errors
/// As [`open_part`].
pub(crate) fn open_append(path: &Path) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    open_own(path, &mut options)
}

fn open_own(path: &Path, options: &mut std::fs::OpenOptions) -> io::Result<File> {
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

/// Whether a path still leads to an open file: another process may have renamed or deleted the file.
/// On systems other than Unix, where an open file cannot be renamed, any regular file counts.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let metadata = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        metadata => metadata?,
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        let open = file.metadata()?;
        Ok((open.dev(), open.ino()) == (metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(metadata.is_file())
    }
}

/// Whether two paths lead to the same file.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    File::open(one).and_then(|file| is_at(&file, other)).unwrap_or(false)
}

fn not_regular() -> io::Error {
    let text = "expected a regular file, found another kind";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Whether a directory is on a network file system, on which other hosts make changes that this system
/// does not report.
pub(crate) fn is_network_directory(directory: &Path) -> bool {
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
        let kind = rustix::fs::statfs(directory).map(|status| status.f_type);
        // The numbers have 32 bits; the field may have more.
        kind.is_ok_and(|kind| {
            NETWORKS.iter().any(|network| i128::from(*network) == i128::from(kind))
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        false
    }
}

/// Reads from an offset of a file, whatever its position.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, bytes, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, bytes, offset);
}

/// Writes all bytes to an offset of a file, whatever its position.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let (rest, offset) = (bytes.get(written..).unwrap_or_default(), offset + written as u64);
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

/// Whether descriptors or memory are exhausted. A later call may succeed.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;

        let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
        shortages.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
    }
    #[cfg(not(unix))]
    return error.kind() == io::ErrorKind::OutOfMemory;
}

/// Whether the disk is full, or the quota of the user is used up.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether the disk has failed.
pub(crate) fn is_disk_failure(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

/// Whether a file could not be opened because its path is a symbolic link, or a socket.
pub(crate) fn is_link_or_socket(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;

        let kinds = [Errno::LOOP, Errno::NXIO];
        kinds.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

/// The free space in bytes of the file system of a directory, if the system knows it.
pub(crate) fn free_space(directory: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(directory).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        None
    }
}

/// Syncs the file system of a directory, which is faster than a sync of each of many files; `false` if
/// the system cannot do that.
pub(crate) fn sync_file_system(directory: &Path) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        rustix::fs::syncfs(File::open(directory)?)?;
        Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        Ok(false)
    }
}

/// Syncs a directory if the system can, so that new names in it survive a power cut.
///
/// # Errors
/// When the directory cannot be opened or synced.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
