//! Directories into which a library is copied, one after the other, so that each time is like the first.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The copies of a suite, which are removed when it has ended.
pub(crate) struct Copies {
    place: TempDir,
    begun: usize,
}

impl Copies {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { place: tempfile::tempdir()?, begun: 0 })
    }

    /// An empty directory. Earlier writes are on the disk, so no copy waits for them.
    pub(crate) fn begin(&mut self) -> io::Result<PathBuf> {
        self.begun += 1;
        let directory = self.place.path().join(self.begun.to_string());
        fs::create_dir(&directory)?;
        rustix::fs::sync();
        Ok(directory)
    }

    /// Frees the room that a copy takes. Its files stay, empty: ext4 looks at each file that was
    /// removed in the last minutes before it makes a new one, which took longer than all the rest.
    pub(crate) fn end(&self, directory: &Path) -> io::Result<()> {
        for file in fs::read_dir(directory)? {
            let path = file?.path();
            if path.is_file() {
                File::options().write(true).open(path)?.set_len(0)?;
            }
        }
        Ok(())
    }
}
