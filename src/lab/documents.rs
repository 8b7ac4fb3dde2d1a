//! The documents of the peers: generated ones, and those of a directory.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Characters of a line of a generated document.
const LINE: usize = 71;

/// Writes RFC `number` with this length into a directory. The bytes depend on the number and the length alone.
pub(super) fn generate(directory: &Path, number: u32, length: u64) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(directory.join(format!("rfc{number}.txt")))?);
    // The first page of an RFC, so that the title is found.
    let title = format!(
        "P2P-CI Laboratory\nRequest for Comments: {number}\nCategory: Generated\n\n\n\
         {:20}Document {number} of the Laboratory\n\nAbstract\n\n",
        ""
    );
    let mut left = length;
    let mut write = |bytes: &[u8]| {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        left -= count as u64;
        file.write_all(bytes.get(..count).unwrap_or_default()).map(|()| left > 0)
    };
    let mut goes_on = write(title.as_bytes())?;
    let mut state = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut line = [b'\n'; LINE + 1];
    while goes_on {
        for place in line.iter_mut().take(LINE) {
            // Xorshift: bytes that compression and equal documents do not hide.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let letter = u8::try_from(state % 27).unwrap_or(0);
            *place = if letter == 26 { b' ' } else { b'a' + letter };
        }
        goes_on = write(&line)?;
    }
    file.flush()
}

/// The files of a directory, in the order of their names. Hidden ones and subdirectories are left out.
pub(super) fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && fs::metadata(entry.path())?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Copies every `of`th of these files into a directory, beginning with number `first`.
pub(super) fn deal(files: &[PathBuf], first: usize, of: usize, directory: &Path) -> io::Result<()> {
    for file in files.iter().skip(first).step_by(of.max(1)) {
        if let Some(name) = file.file_name() {
            fs::copy(file, directory.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_documents_have_their_length_and_are_the_same_again() {
        let [one, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for (number, length) in [(1, 0), (2, 7), (3, 1000), (4, 100_000)] {
            let read = |directory: &Path| {
                generate(directory, number, length).unwrap();
                fs::read(directory.join(format!("rfc{number}.txt"))).unwrap()
            };
            let bytes = read(one.path());
            assert_eq!(bytes.len() as u64, length);
            assert_eq!(bytes, read(other.path()));
        }
        let differ = |a: &str, b: &str| {
            fs::read(one.path().join(a)).unwrap()[40..]
                != fs::read(one.path().join(b)).unwrap()[40..]
        };
        assert!(differ("rfc3.txt", "rfc4.txt"));
    }

    #[test]
    fn files_are_dealt_to_the_peers() {
        let [from, to] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for name in ["a", "b", "c", "d", ".hidden"] {
            fs::write(from.path().join(name), name).unwrap();
        }
        fs::create_dir(from.path().join("directory")).unwrap();
        deal(&files(from.path()).unwrap(), 1, 2, to.path()).unwrap();
        let names: Vec<_> = files(to.path()).unwrap();
        assert_eq!(names, [to.path().join("b"), to.path().join("d")]);
    }
}
