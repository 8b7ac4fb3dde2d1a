//! Writes a document to a device, a FIFO or an open descriptor.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use super::out::is_standard_output;
use crate::cli::errors::command_error::CommandError;
use crate::cli::output::outcome::shown;
use crate::limits;
use crate::peer::Cancel;
use crate::system;

/// Writes a whole document to a device, a FIFO or a descriptor.
pub(super) fn write_to(
    path: &Path,
    mut document: impl io::Read,
    cancel: &Cancel,
) -> Result<(), CommandError> {
    let outcome = open_stream(path, cancel).and_then(|mut stream| {
        io::copy(&mut document, &mut stream)?;
        stream.flush()
    });
    outcome.map_err(|source| match source.kind() {
        io::ErrorKind::BrokenPipe if is_standard_output(path) => CommandError::Output(source),
        io::ErrorKind::Interrupted => CommandError::Interrupted(format!(
            "interrupted: nothing was written to `{}`",
            shown(path)
        )),
        _ => {
            let source = match system::is_link_or_socket(&source) {
                true => {
                    let text = "expected a file, a device or a FIFO, found a socket";
                    io::Error::new(source.kind(), text)
                }
                false => source,
            };
            CommandError::File { what: format!("cannot write to `{}`", shown(path)), source }
        }
    })
}

/// Opens a file for writing. A regular file that a shell has opened is appended to, not overwritten.
fn open_stream(path: &Path, cancel: &Cancel) -> io::Result<File> {
    let metadata = fs::metadata(path)?;
    let is_file = metadata.is_file();
    let mut options = OpenOptions::new();
    options.write(!is_file).append(is_file);
    if !system::is_fifo(&metadata) {
        return options.open(path);
    }
    // A blocking open would wait for a reader without limit.
    let begun = Instant::now();
    let mut is_said = false;
    loop {
        match system::open_fifo(path) {
            Ok(Some(fifo)) => return Ok(fifo),
            Ok(None) if begun.elapsed() >= limits::FIFO_READER => {
                let text = "no program reads this FIFO: start the reader first";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            Ok(None) => {
                if !is_said {
                    log::warn!("waiting for a program that reads `{}`", shown(path));
                    is_said = true;
                }
                if cancel.sleep(limits::INTERRUPT_POLL) {
                    return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
                }
            }
            Err(error) => return Err(error),
        }
    }
}
