//! The shared directory: created when a document is saved there, and removed again if none was.

use std::io;
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::print::print_note;
use crate::escape::{escaped, escaped_path};
use crate::system::{is_disk_full, sync_directory};

/// Creates the shared directory before a document is saved there.
pub(in crate::cli) fn create_share_directory(context: &Context) -> Result<(), CommandError> {
    let note = create_directory(&context.directory).map_err(|source| CommandError::File {
        what: format!(
            "cannot create the share directory `{}`",
            escaped(context.directory.as_os_str().as_encoded_bytes())
        ),
        source,
    })?;
    if let Some((note, created)) = note {
        print_note(note);
        context.created.replace(created);
    }
    Ok(())
}

/// Removes the directories that the running command has created, if nothing was saved there.
pub(in crate::cli) fn remove_empty_directories(context: &Context) {
    // A directory with files cannot be removed, and neither can its parents.
    let created = context.created.take();
    let removed = created.iter().take_while(|directory| std::fs::remove_dir(directory).is_ok());
    if removed.count() > 0 {
        let directory = escaped_path(&context.directory);
        print_note(format_args!("removed `{directory}` again: nothing was saved in it"));
    }
}

/// Creates the shared directory unless it exists. If it was created, returns the note for the user,
/// and the new directories, the innermost first.
pub(in crate::cli) fn create_directory(
    directory: &Path,
) -> io::Result<Option<(String, Vec<PathBuf>)>> {
    if directory.is_dir() {
        return Ok(None);
    }
    let mut created = Vec::new();
    create_missing(directory, &mut created)?;
    let note = format!("created the directory `{}`", escaped_path(directory));
    Ok((!created.is_empty()).then_some((note, created)))
}

/// Creates a directory and those above it. Those that another process creates meanwhile are not
/// counted as created here.
fn create_missing(directory: &Path, created: &mut Vec<PathBuf>) -> io::Result<()> {
    match std::fs::create_dir(directory) {
        Ok(()) => {
            created.insert(0, directory.into());
            sync_parent(directory);
            Ok(())
        }
        Err(_) if directory.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
            match parent {
                // Where a file system answers so within a directory that exists, there is no more to do.
                Some(parent) if !parent.is_dir() => {
                    create_missing(parent, created)?;
                    create_missing(directory, created)
                }
                _ => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Syncs the directory in which a new one is: otherwise a power failure could remove the new one with all
/// documents that were saved in it. A parent directory that cannot be opened is no reason to save none.
fn sync_parent(directory: &Path) {
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Err(error) = sync_directory(parent.unwrap_or(Path::new("."))) {
        log::debug!("the parent of `{}` is not synced: {error}", escaped_path(directory));
    }
}

/// The error that ends the download of several documents: the shared directory cannot be
/// written to.
pub(in crate::cli) fn cannot_continue(context: &Context, source: io::Error) -> CommandError {
    let directory = escaped_path(&context.directory);
    let remedy = match is_disk_full(&source) {
        true => "; free some space there, then run the command again",
        false => "",
    };
    let what = format!("cannot save documents in `{directory}`");
    let source = match remedy {
        "" => source,
        remedy => io::Error::new(source.kind(), format!("{source}{remedy}")),
    };
    CommandError::File { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_system_that_creates_no_directories_is_an_error() {
        for directory in ["/proc/nope", "/proc/nope/x", "/proc/self/fd/99999/x"] {
            let error = create_directory(Path::new(directory)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{directory}");
        }
    }

    #[test]
    fn only_directories_that_were_created_here_are_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("a")).unwrap();
        let directory = root.path().join("a/b/c");
        let (_, created) = create_directory(&directory).unwrap().unwrap();
        assert_eq!(created, [directory.clone(), root.path().join("a/b")]);
        assert!(create_directory(&directory).unwrap().is_none());
        // As if another process had created it after the first look.
        let mut created = Vec::new();
        create_missing(&directory, &mut created).unwrap();
        assert!(created.is_empty());
        std::fs::write(root.path().join("file"), "").unwrap();
        assert!(create_directory(&root.path().join("file/below")).is_err());
        assert!(create_directory(&root.path().join("file")).is_err());
    }
}
