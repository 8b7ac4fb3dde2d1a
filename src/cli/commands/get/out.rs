//! `--out PATH`: the kind of file that the path names.
//!
//! A regular file is replaced as a whole. Everything else that can be written, such as a device, a
//! FIFO or an open descriptor of this process, is written to and never replaced.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::errors::command_error::CommandError;
use crate::cli::output::outcome::shown;
use crate::library::{NotSaved, file_name_of};
use crate::protocol::Document;

/// The kind of file that a path after `--out` names.
#[derive(Debug)]
pub(super) enum Out {
    StandardOutput,
    /// A device, a FIFO or an open descriptor, which is written to.
    Stream(PathBuf),
    /// A regular file, which is replaced as a whole.
    File(PathBuf),
}

/// Symbolic links that are followed before a path counts as a loop.
const MOST_LINKS: usize = 40;

/// The file or stream that a path after `--out` names for a document.
pub(super) fn target(path: &Path, document: &Document, shared: &Path) -> Result<Out, CommandError> {
    if path.as_os_str() == "-" {
        return Ok(Out::StandardOutput);
    }
    match existing(path)? {
        Some(found) if found.is_dir() => {
            let file = path.join(name_in(path, document, shared)?);
            match existing(&file)? {
                None => Ok(Out::File(file)),
                Some(_) if is_descriptor(&file) => Ok(Out::Stream(file)),
                Some(found) if found.is_file() => replaced(&file),
                Some(found) if found.is_dir() => {
                    Err(cannot_save(&file, unexpected("found a directory")))
                }
                Some(_) => Ok(Out::Stream(file)),
            }
        }
        Some(_) if is_descriptor(path) => Ok(Out::Stream(path.into())),
        Some(found) if found.is_file() => replaced(path),
        Some(_) => Ok(Out::Stream(path.into())),
        None => {
            check_parent(path)?;
            if path.parent().is_some_and(is_descriptor_directory) {
                let text = "this descriptor is not open: redirect it, as in `3>FILE`";
                return Err(cannot_save(path, io::Error::new(io::ErrorKind::NotFound, text)));
            }
            Ok(Out::File(path.into()))
        }
    }
}

/// The name under which a document is saved in a directory. In a shared directory the rules of downloads
/// apply, because names may have a meaning there.
fn name_in(path: &Path, document: &Document, shared: &Path) -> Result<String, CommandError> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_string();
    let reason = match file_name_of(document) {
        Ok(name) => return Ok(last(&name)),
        Err(reason) => reason,
    };
    let is_shared = shared
        .canonicalize()
        .is_ok_and(|shared| path.canonicalize().is_ok_and(|path| path.starts_with(shared)));
    let name = last(&document.name());
    if is_shared || reason == NotSaved::Unrepresentable || name.starts_with('.') {
        return Err(CommandError::Usage(format!(
            "{document} is not saved under its own name: give a file name, as in `--out {}`",
            shown(&path.join("NAME"))
        )));
    }
    Ok(name)
}

/// The file at a path; `None` if there is none. A dangling symbolic link is refused: the intended kind of
/// its target is unknown.
fn existing(path: &Path) -> Result<Option<Metadata>, CommandError> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            Ok(target) => {
                let text =
                    format!("it is a symbolic link to `{}`, which is missing", shown(&target));
                Err(cannot_save(path, io::Error::new(io::ErrorKind::NotFound, text)))
            }
            Err(_) => Ok(None),
        },
        // The check of the directory reports this with more detail.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(cannot_save(path, error)),
    }
}

/// A regular file. Symbolic links are resolved, so that they stay.
fn replaced(path: &Path) -> Result<Out, CommandError> {
    let path = match path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        true => path.canonicalize().map_err(|error| cannot_save(path, error))?,
        false => path.into(),
    };
    Ok(Out::File(path))
}

/// Whether a path leads to an open descriptor, such as `/dev/stdout`, `/dev/fd/3` or a link to one. It is
/// written to even if it is a regular file.
fn is_descriptor(path: &Path) -> bool {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let directory = path.parent().and_then(|directory| directory.canonicalize().ok());
        if directory.is_some_and(|directory| is_descriptor_directory(&directory)) {
            return true;
        }
        let Ok(target) = fs::read_link(&path) else { return false };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    false
}

fn is_descriptor_directory(directory: &Path) -> bool {
    directory == Path::new("/dev/fd")
        || (directory.starts_with("/proc") && directory.ends_with("fd"))
}

/// Checks the directory of a new file.
fn check_parent(path: &Path) -> Result<(), CommandError> {
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        // Without the final `/` the path may name a file.
        let without: PathBuf = path.components().collect();
        if fs::metadata(&without).is_ok() {
            return Err(cannot_save(path, unexpected("found a file of this name")));
        }
        let text = "there is no such directory: create it, or leave out the last `/`";
        return Err(cannot_save(path, io::Error::new(io::ErrorKind::NotFound, text)));
    }
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => return Ok(()),
    };
    match fs::metadata(directory) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(cannot_save(path, unexpected(&format!("`{}` is not one", shown(directory))))),
        Err(error) => {
            let text = format!("directory `{}`: {error}", shown(directory));
            Err(cannot_save(path, io::Error::new(error.kind(), text)))
        }
    }
}

fn unexpected(found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("expected a file in a directory, {found}"))
}

/// The error that a document is not saved at a path.
pub(super) fn cannot_save(path: &Path, source: io::Error) -> CommandError {
    CommandError::File { what: format!("cannot save `{}`", shown(path)), source }
}

/// Whether a path after `--out` names the standard output of this process.
pub(super) fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == "-" || is_file_of_standard_output(path)
}

#[cfg(unix)]
fn is_file_of_standard_output(path: &Path) -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    let output = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let output = output.and_then(|output| output.metadata());
    match (output, fs::metadata(path)) {
        (Ok(output), Ok(found)) => (output.dev(), output.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_file_of_standard_output(_: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process;

    use super::*;

    #[test]
    fn paths_of_all_kinds() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "x").unwrap();
        fs::create_dir(path("sub")).unwrap();
        fs::create_dir(path("sub/dir")).unwrap();
        symlink(path("file"), path("link")).unwrap();
        symlink("link", path("link to link")).unwrap();
        symlink("nothing", path("dangling")).unwrap();
        symlink("loop", path("loop")).unwrap();
        symlink("sub", path("link to sub")).unwrap();
        symlink("/dev/stdout", path("link to stdout")).unwrap();
        let real = directory.path().canonicalize().unwrap();
        let rfc = Document::Rfc("7".parse().unwrap());
        let file = Document::File("dir%2Fa".parse().unwrap());
        for (document, name, expected) in [
            (&rfc, "new", Ok(path("new"))),
            (&rfc, "file", Ok(path("file"))),
            (&rfc, "link", Ok(real.join("file"))),
            (&rfc, "link to link", Ok(real.join("file"))),
            (&rfc, "sub", Ok(path("sub/rfc7.txt"))),
            (&rfc, "sub/", Ok(path("sub/rfc7.txt"))),
            (&rfc, "link to sub", Ok(path("link to sub/rfc7.txt"))),
            (&file, ".", Ok(path("./a"))),
            (&rfc, "dangling", Err("is a symbolic link to `nothing`, which is missing")),
            (&rfc, "loop", Err("symbolic link")),
            (&rfc, "none/x", Err("none`: No such file")),
            (&rfc, "none/", Err("there is no such directory")),
            (&rfc, "file/x", Err("/file` is not one")),
            (&rfc, "file/", Err("found a file of this name")),
            (&rfc, "/dev/fd/987", Err("this descriptor is not open")),
        ] {
            let found = target(&path(name), document, &path("sub/dir"));
            match (found, expected) {
                (Ok(Out::File(found)), Ok(expected)) => assert_eq!(found, expected, "{name}"),
                (Err(error), Err(expected)) => {
                    let text = crate::error_chain::error_chain(&error);
                    assert!(text.contains(expected), "{name}: {text}");
                }
                _ => panic!("{name}"),
            }
        }
        assert!(process::Command::new("mkfifo").arg(path("sub/a")).status().unwrap().success());
        let found = target(&path("sub"), &file, &path("sub/dir")).unwrap();
        assert!(matches!(found, Out::Stream(fifo) if fifo == path("sub/a")));
        fs::create_dir(path("sub/rfc7.txt")).unwrap();
        let error = target(&path("sub"), &rfc, &path("sub/dir")).unwrap_err();
        assert!(crate::error_chain::error_chain(&error).contains("found a directory"));
        for stream in [Path::new("/dev/null"), &path("link to stdout"), Path::new("/dev/fd/2")] {
            assert!(
                matches!(target(stream, &rfc, directory.path()), Ok(Out::Stream(_))),
                "{stream:?}"
            );
        }
        assert!(matches!(target(Path::new("-"), &rfc, directory.path()), Ok(Out::StandardOutput)));
    }
}
