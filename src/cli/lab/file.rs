//! The file of a scenario, which others may have written (docs/lab.md).

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::system::open_existing;

/// The longest scenario in bytes. Those of this program have less than 2 KiB.
const LONGEST: u64 = 1 << 20;

/// Reads a regular file of at most [`LONGEST`] bytes.
///
/// # Errors
/// When it is no such file, or no text.
pub(super) fn read(path: &Path) -> io::Result<String> {
    // A link may be named here; opening does not wait for the other end of a FIFO.
    let file = open_existing(&fs::canonicalize(path)?)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= LONGEST {
        // It may have grown.
        file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    }
    let length = length.max(bytes.len() as u64);
    if length > LONGEST {
        let text = format!("expected a scenario of at most {LONGEST} bytes, found {length}");
        return Err(io::Error::new(ErrorKind::FileTooLarge, text));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let text = format!("expected a scenario in UTF-8, found another byte at {at}");
        io::Error::new(ErrorKind::InvalidData, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_a_short_text() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.toml");
        let longest = "#".repeat(1 << 20);
        fs::write(&path, &longest).unwrap();
        assert_eq!(read(&path).unwrap(), longest);
        fs::File::options().write(true).open(&path).unwrap().set_len(300 << 20).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert_eq!(error, "expected a scenario of at most 1048576 bytes, found 314572800");
        fs::write(&path, b"title\xff").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert_eq!(error, "expected a scenario in UTF-8, found another byte at 5");
        assert!(read(directory.path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_scenario_is_a_regular_file_or_a_link_to_one() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        let directory = tempfile::tempdir().unwrap();
        let in_it = |name| directory.path().join(name);
        mknodat(CWD, in_it("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        std::os::unix::fs::symlink("/dev/zero", in_it("zero")).unwrap();
        for path in [in_it("fifo"), in_it("zero"), "/dev/zero".into()] {
            let error = read(&path).unwrap_err().to_string();
            assert_eq!(error, "expected a regular file, found another kind", "{path:?}");
        }
        fs::write(in_it("x.toml"), "x").unwrap();
        std::os::unix::fs::symlink("x.toml", in_it("link")).unwrap();
        assert_eq!(read(&in_it("link")).unwrap(), "x");
    }
}
