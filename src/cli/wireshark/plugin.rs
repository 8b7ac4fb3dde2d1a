//! The dissector as a file in a directory of plugins.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use super::error::Error;
use crate::escape::escaped_path;

/// The dissector.
pub(super) const DISSECTOR: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/wireshark/p2pci.lua"));

/// Coloring rules.
pub(super) const COLORS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/wireshark/colorfilters"));

/// The beginning of every version of the dissector. A file without it is never replaced or removed.
const MARKER: &str = "-- p2p-ci dissector: ";

const FILE_NAME: &str = "p2pci.lua";

/// What an installation has changed.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Installed {
    New,
    /// The dissector that was there is kept under another name. Nothing tells an older version from one that was
    /// edited.
    Replaced {
        kept: PathBuf,
    },
    Same,
}

/// What a removal has changed.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Removed {
    Nothing,
    Same,
    /// Another version, or one that was edited.
    Other {
        kept: PathBuf,
    },
}

/// The most names of kept files. Wireshark loads none of them, because they do not end with `.lua`.
const KEPT: usize = 100;

/// The file in its directory, whether it exists or not.
pub(super) struct Plugin {
    directory: PathBuf,
    path: PathBuf,
}

/// What is at the path now.
enum Found {
    Nothing,
    /// The dissector, and whether it is this version.
    Ours {
        is_same: bool,
    },
}

impl Plugin {
    pub(super) fn in_directory(directory: PathBuf) -> Self {
        let path = directory.join(FILE_NAME);
        Self { directory, path }
    }

    /// The path, for people.
    pub(super) fn shown(&self) -> String {
        escaped_path(&self.path).to_string()
    }

    /// Writes the dissector, and creates the directory if it does not exist.
    pub(super) fn install(&self) -> Result<Installed, Error> {
        let found = self.find()?;
        if let Found::Ours { is_same: true } = found {
            return Ok(Installed::Same);
        }
        fs::create_dir_all(&self.directory)
            .map_err(|error| self.error("create the directory of", error))?;
        let mut dissector = DISSECTOR.as_bytes();
        let file = self.write_part(&mut dissector).map_err(|error| self.error("write", error))?;
        match found {
            Found::Nothing => {
                file.persist_noclobber(&self.path)
                    .map_err(|error| self.error("write", error.error))?;
                Ok(Installed::New)
            }
            Found::Ours { .. } => {
                let kept = self.keep()?;
                file.persist(&self.path).map_err(|error| self.error("replace", error.error))?;
                Ok(Installed::Replaced { kept })
            }
        }
    }

    /// Removes the dissector. A copy of one that is not this version is kept.
    pub(super) fn uninstall(&self) -> Result<Removed, Error> {
        let removed = match self.find()? {
            Found::Nothing => return Ok(Removed::Nothing),
            Found::Ours { is_same: true } => Removed::Same,
            Found::Ours { is_same: false } => Removed::Other { kept: self.keep()? },
        };
        fs::remove_file(&self.path).map_err(|error| self.error("remove", error))?;
        Ok(removed)
    }

    /// Copies the file to the first name that no file has.
    fn keep(&self) -> Result<PathBuf, Error> {
        let copy = || self.write_part(&mut File::open(&self.path)?);
        let mut part = copy().map_err(|error| self.error("copy", error))?;
        for number in 1..=KEPT {
            let suffix = if number == 1 { String::new() } else { number.to_string() };
            let kept = self.directory.join(format!("{FILE_NAME}.old{suffix}"));
            match part.persist_noclobber(&kept) {
                Ok(_) => return Ok(kept),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    part = error.file;
                }
                Err(error) => return Err(self.error("copy", error.error)),
            }
        }
        let full = io::Error::other(format!("expected at most {KEPT} copies; remove some of them"));
        Err(self.error("copy", full))
    }

    /// A file next to the final one, which readers never see half-written. Wireshark loads no hidden file.
    fn write_part(&self, content: &mut impl Read) -> io::Result<tempfile::NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".p2pci-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Other users may read it in a directory that they share.
            builder.permissions(fs::Permissions::from_mode(0o644));
        }
        let mut file = builder.tempfile_in(&self.directory)?;
        io::copy(content, &mut file)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    fn find(&self) -> Result<Found, Error> {
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(self.error("read", error)),
            Ok(metadata) if !metadata.is_file() => return Err(self.foreign()),
            Ok(_) => {}
        }
        let mut start = Vec::new();
        // One byte more than the dissector shows that a file is longer.
        let most = u64::try_from(DISSECTOR.len()).unwrap_or(u64::MAX).saturating_add(1);
        File::open(&self.path)
            .and_then(|file| file.take(most).read_to_end(&mut start))
            .map_err(|error| self.error("read", error))?;
        if !start.starts_with(MARKER.as_bytes()) {
            return Err(self.foreign());
        }
        Ok(Found::Ours { is_same: start == DISSECTOR.as_bytes() })
    }

    fn foreign(&self) -> Error {
        Error::Foreign { path: self.shown() }
    }

    fn error(&self, what: &'static str, source: io::Error) -> Error {
        Error::File { what, path: self.shown(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(root: &tempfile::TempDir) -> Plugin {
        Plugin::in_directory(root.path().join("new/plugins"))
    }

    #[test]
    fn the_dissector_is_installed_replaced_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let plugin = plugin(&root);
        assert!(DISSECTOR.starts_with(MARKER));
        assert_eq!(plugin.uninstall().unwrap(), Removed::Nothing);
        assert_eq!(plugin.install().unwrap(), Installed::New);
        assert_eq!(plugin.install().unwrap(), Installed::Same);
        let older = format!("{MARKER}an older version\n");
        let edited = format!("{DISSECTOR}-- longer\n");
        let kept = |name: &str| plugin.directory.join(name);
        for (content, name) in [(&older, "p2pci.lua.old"), (&edited, "p2pci.lua.old2")] {
            fs::write(&plugin.path, content).unwrap();
            assert_eq!(plugin.install().unwrap(), Installed::Replaced { kept: kept(name) });
            assert_eq!(fs::read_to_string(&plugin.path).unwrap(), DISSECTOR);
            assert_eq!(&fs::read_to_string(kept(name)).unwrap(), content);
        }
        assert_eq!(plugin.uninstall().unwrap(), Removed::Same);
        fs::write(&plugin.path, &edited).unwrap();
        let name = "p2pci.lua.old3";
        assert_eq!(plugin.uninstall().unwrap(), Removed::Other { kept: kept(name) });
        assert_eq!(fs::read_to_string(kept(name)).unwrap(), edited);
        assert_eq!(fs::read_dir(&plugin.directory).unwrap().count(), 3);
    }

    #[test]
    fn other_files_stay_as_they_are() {
        let root = tempfile::tempdir().unwrap();
        let plugin = plugin(&root);
        fs::create_dir_all(&plugin.directory).unwrap();
        for content in ["", "-- another dissector\n", "-- p2p-ci"] {
            fs::write(&plugin.path, content).unwrap();
            assert!(matches!(plugin.install(), Err(Error::Foreign { .. })), "{content}");
            assert!(matches!(plugin.uninstall(), Err(Error::Foreign { .. })), "{content}");
            assert_eq!(fs::read_to_string(&plugin.path).unwrap(), content);
        }
        fs::remove_file(&plugin.path).unwrap();
        fs::create_dir(&plugin.path).unwrap();
        assert!(matches!(plugin.install(), Err(Error::Foreign { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_neither_followed_nor_replaced() {
        let root = tempfile::tempdir().unwrap();
        let plugin = plugin(&root);
        fs::create_dir_all(&plugin.directory).unwrap();
        let target = root.path().join("target");
        fs::write(&target, DISSECTOR).unwrap();
        std::os::unix::fs::symlink(&target, &plugin.path).unwrap();
        assert!(matches!(plugin.install(), Err(Error::Foreign { .. })));
        assert!(matches!(plugin.uninstall(), Err(Error::Foreign { .. })));
        assert_eq!(fs::read_to_string(&target).unwrap(), DISSECTOR);
    }
}
