//! FIFOs as targets of downloads.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// Whether a file is a FIFO.
#[cfg(unix)]
pub(crate) fn is_fifo(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;

    metadata.file_type().is_fifo()
}

#[cfg(not(unix))]
pub(crate) fn is_fifo(_: &Metadata) -> bool {
    false
}

/// Opens a FIFO for writing; `None` if no program has opened it for reading.
#[cfg(unix)]
pub(crate) fn open_fifo(path: &Path) -> io::Result<Option<File>> {
    use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
    use rustix::io::Errno;

    match open(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fifo) => {
            // From now on writes block until the reader reads.
            fcntl_setfl(&fifo, OFlags::empty())?;
            Ok(Some(File::from(fifo)))
        }
        Err(Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
pub(crate) fn open_fifo(path: &Path) -> io::Result<Option<File>> {
    File::options().write(true).open(path).map(Some)
}
