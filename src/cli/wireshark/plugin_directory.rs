//! Wireshark's directory of personal plugins.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;

/// Time for `tshark -G folders`.
const DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of its output that are read.
const MOST: u64 = 1024 * 1024;

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
    let output = PROGRAMS.iter().find_map(|program| match directories(program) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        done => Some(done),
    });
    let output =
        output.unwrap_or(Err(io::ErrorKind::NotFound.into())).map_err(|error| {
            match error.kind() {
                io::ErrorKind::TimedOut => Error::Tshark(error),
                _ => Error::NoTshark(error),
            }
        })?;
    find(&output).ok_or(Error::NoDirectory)
}

/// What `tshark -G folders` prints. It loads the plugins first, and these may keep it from ending: a FIFO
/// among them, or a loop in one.
fn directories(program: &str) -> io::Result<String> {
    let mut command = Command::new(program);
    command.args(["-G", "folders"]).stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
    let (sender, printed) = channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        let read = output.take(MOST).read_to_end(&mut text).map(|_| text);
        // After the deadline there is no receiver.
        let _ = sender.send(read);
    });
    let deadline = Instant::now() + DEADLINE;
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            None => {
                let _ = child.kill();
                child.wait()?;
                return Err(late());
            }
        }
    };
    // A process that it has started may still have its output open.
    let left = deadline.saturating_duration_since(Instant::now());
    let text = printed.recv_timeout(left).map_err(|_| late())??;
    if !status.success() {
        return Err(io::Error::other(format!("it ended with {status}")));
    }
    String::from_utf8(text).map_err(io::Error::other)
}

fn late() -> io::Error {
    let seconds = DEADLINE.as_secs();
    let text = format!("it has not ended within {seconds} s; perhaps a plugin keeps it waiting");
    io::Error::new(io::ErrorKind::TimedOut, text)
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
