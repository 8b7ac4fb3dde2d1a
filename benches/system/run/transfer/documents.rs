//! The documents that are transferred: a directory of RFCs, or of documents that look like some.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::run::Setting;
use crate::run::samples::Random;

/// A directory, and the documents in it that are named as RFCs are.
pub(crate) struct Documents {
    pub(crate) directory: PathBuf,
    pub(crate) numbers: Vec<u32>,
    pub(crate) bytes: u64,
    _made: Option<TempDir>,
}

impl Documents {
    /// The library that was named, or one that is made.
    pub(crate) fn of(setting: &Setting) -> io::Result<Self> {
        match &setting.library {
            Some(directory) => Self::in_directory(directory, None),
            None => {
                let made = tempfile::tempdir()?;
                make(made.path(), setting.size(9148, 500), setting.seed)?;
                let directory = made.path().to_path_buf();
                Self::in_directory(&directory, Some(made))
            }
        }
    }

    /// This number of made documents, of this size each.
    pub(crate) fn of_size(count: u32, bytes: usize, seed: u64) -> io::Result<Self> {
        let made = tempfile::tempdir()?;
        let mut random = Random::new(seed);
        for number in 1..=count {
            let mut file = io::BufWriter::new(File::create(path(made.path(), number))?);
            write(&mut file, number, bytes, &mut random)?;
            file.flush()?;
        }
        let directory = made.path().to_path_buf();
        Self::in_directory(&directory, Some(made))
    }

    /// Reads all files of the directory. The system lets go of some pages between two measurements, and
    /// the first program would read them from the disk for all the others.
    pub(crate) fn warm(&self) -> io::Result<()> {
        for file in fs::read_dir(&self.directory)? {
            let file = file?;
            if file.file_type()?.is_file() {
                io::copy(&mut File::open(file.path())?, &mut io::sink())?;
            }
        }
        Ok(())
    }

    fn in_directory(directory: &Path, made: Option<TempDir>) -> io::Result<Self> {
        let directory = directory.canonicalize()?;
        let mut numbers = Vec::new();
        let mut bytes = 0;
        for file in fs::read_dir(&directory)? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            let number = name.strip_prefix("rfc").and_then(|name| name.strip_suffix(".txt"));
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                numbers.push(number);
                bytes += file.metadata()?.len();
            }
        }
        if numbers.is_empty() {
            let message =
                format!("expected rfc1.txt or the like, found none in {}", directory.display());
            return Err(io::Error::other(message));
        }
        numbers.sort_unstable();
        Ok(Self { directory, numbers, bytes, _made: made })
    }
}

fn path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("rfc{number}.txt"))
}

/// Documents of the sizes that RFCs have: half of them below 40 KB, one of a hundred above 250 KB.
fn make(directory: &Path, count: u32, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    for number in 1..=count {
        // Twelve of these add up to nearly a normal distribution.
        let normal: f64 = (0..12).map(|_| random.below(1 << 20) as f64 / f64::from(1 << 20)).sum();
        let size = (40_000.0 * ((normal - 6.0) * 0.8).exp()) as usize;
        let mut file = io::BufWriter::new(File::create(path(directory, number))?);
        write(&mut file, number, size.max(1000), &mut random)?;
        file.flush()?;
    }
    Ok(())
}

/// A first page from which a title can be read, and words.
fn write(file: &mut impl Write, number: u32, size: usize, random: &mut Random) -> io::Result<()> {
    const WORDS: [&str; 8] =
        ["the ", "protocol ", "of ", "a host ", "sends ", "each ", "octet ", "again.\n"];
    let mut text = format!(
        "\n\nNetwork Working Group                                       A. Author\n\
         Request for Comments: {number}                                January 2026\n\n\n\
         \x20            The Document {number} of a Series That Was Made\n\n\nAbstract\n\n"
    );
    while text.len() < size {
        let mut bits = random.next();
        for _ in 0..16 {
            text.push_str(WORDS[(bits & 7) as usize]);
            bits >>= 3;
        }
    }
    text.truncate(size.max(300));
    file.write_all(text.as_bytes())
}
