//! The submissions of a directory, and how each of them is started.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::command_words::words;
use crate::check::Menu;
use crate::escape::escaped;
use crate::limits;

/// A directory with a program.
#[derive(Clone, Debug)]
pub(super) struct Submission {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// The file of a submission that says how it is started, and that with the menu of a client.
const START: &str = "start";
const MENU: &str = "menu";

/// All directories in a directory, by name. Links and hidden directories are no submissions.
///
/// # Errors
/// When the directory cannot be read, or has no submission.
pub(super) fn submissions(directory: &Path) -> io::Result<Vec<Submission>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = escaped(entry.file_name().as_encoded_bytes()).to_string();
        if entry.file_type()?.is_dir() && !name.starts_with('.') {
            found.push(Submission { name, path: entry.path() });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    match found.is_empty() {
        true => Err(io::Error::other("expected a directory for each submission, found none")),
        false => Ok(found),
    }
}

impl Submission {
    /// The command in its file `start`, with these placeholders.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(super) fn command(&self, placeholders: &[&str]) -> Result<Vec<String>, String> {
        let Some(text) = self.read(START)? else {
            return Err("no command: give --start, or a file `start` in the submission".into());
        };
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        words(lines.next().unwrap_or_default(), placeholders)
            .map_err(|error| format!("its file `start`: {error}"))
    }

    /// The text of its file `menu`; `None` if there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, or is no menu.
    pub(super) fn menu(&self) -> Result<Option<String>, String> {
        let text = self.read(MENU)?;
        let wrong = |mistake| format!("its file `menu`: {mistake}");
        text.as_deref().map_or(Ok(()), |text| Menu::parse(text).map(drop).map_err(wrong))?;
        Ok(text)
    }

    /// A small file of it; `None` if there is no such file.
    fn read(&self, name: &str) -> Result<Option<String>, String> {
        let path = self.path.join(name);
        // A FIFO or a link is not opened.
        if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let wrong = |error: io::Error| format!("cannot read `{name}`: {error}");
        let mut text = String::new();
        let file = fs::File::open(&path).map_err(wrong)?;
        file.take(limits::START_FILE).read_to_string(&mut text).map_err(wrong)?;
        Ok(Some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_submissions_and_say_how_they_are_started() {
        let root = tempfile::tempdir().unwrap();
        assert!(submissions(root.path()).is_err());
        for name in ["b", "a", ".git"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        fs::write(root.path().join("file"), "").unwrap();
        let found = submissions(root.path()).unwrap();
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let command = || found[0].command(&["{port}"]);
        assert!(command().unwrap_err().contains("--start"));
        fs::write(found[0].path.join("start"), "\npython3 'my server.py' {port}\n").unwrap();
        assert_eq!(command().unwrap(), ["python3", "my server.py", "{port}"]);
        fs::write(found[0].path.join("start"), "a 'b").unwrap();
        assert!(command().unwrap_err().contains("quote"));
        assert_eq!(found[0].menu(), Ok(None));
        fs::write(found[0].path.join("menu"), "list: 3\n").unwrap();
        assert_eq!(found[0].menu(), Ok(Some("list: 3\n".into())));
        fs::write(found[0].path.join("menu"), "lst: 3\n").unwrap();
        assert!(found[0].menu().unwrap_err().starts_with("its file `menu`: line 1: "));
    }
}
