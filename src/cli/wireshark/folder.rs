//! Wireshark's directory of personal plugins.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::error::Error;

/// Where tshark is if it is not in the search path: Wireshark's packages for macOS and Windows do not add it.
const PROGRAMS: [&str; 3] = [
    "tshark",
    "/Applications/Wireshark.app/Contents/MacOS/tshark",
    r"C:\Program Files\Wireshark\tshark.exe",
];

/// The rows of `tshark -G folders` with the directory, the best one first. Older versions have no own
/// row for Lua.
const ROWS: [&str; 2] = ["Personal Lua Plugins", "Personal Plugins"];

/// The directory from which Wireshark loads the user's Lua plugins. It may not exist yet.
pub(super) fn personal_plugins() -> Result<PathBuf, Error> {
    let output = PROGRAMS.iter().find_map(|program| match folders(program) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        done => Some(done),
    });
    let output = output.unwrap_or(Err(io::ErrorKind::NotFound.into())).map_err(Error::NoTshark)?;
    find(&output).ok_or(Error::NoFolder)
}

/// What `tshark -G folders` prints.
fn folders(program: &str) -> io::Result<String> {
    let output = Command::new(program)
        .args(["-G", "folders"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("it ended with {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

/// The directory in the output: `NAME:`, blanks and the path, which may contain blanks.
fn find(output: &str) -> Option<PathBuf> {
    ROWS.iter().find_map(|row| {
        let mut lines = output.lines().filter_map(|line| line.split_once(':'));
        let (_, path) = lines.find(|(name, _)| name.trim() == *row)?;
        let path = path.trim();
        (!path.is_empty()).then(|| PathBuf::from(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_lua_plugins_is_found() {
        let both = "Temp:\t/tmp\nPersonal Plugins:    \t/home/a b/plugins/4.0\n\
                    Personal Lua Plugins:\t/home/a b/plugins\nGlobal Lua Plugins:\t/usr/lib\n";
        assert_eq!(find(both), Some("/home/a b/plugins".into()));
        assert_eq!(find("Personal Plugins: C:\\a\\b\r\n"), Some(r"C:\a\b".into()));
        assert_eq!(find("Personal Lua Plugins:\n"), None);
        assert_eq!(find(""), None);
    }
}
