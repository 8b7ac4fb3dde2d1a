//! SHA-256 of bytes that arrive in chunks (protocol.md section 5.5).

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::protocol::Digest;

/// Computes a SHA-256 digest from chunks.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Hashes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Hashes all bytes of a reader, and returns their number; `None` as soon as `resume` returns
    /// `false`, which is called after each read.
    pub(super) fn read_from(
        &mut self,
        mut reader: impl Read,
        buffer: &mut [u8],
        resume: &dyn Fn() -> bool,
    ) -> io::Result<Option<u64>> {
        let mut length = 0_u64;
        loop {
            let count = match reader.read(buffer) {
                Ok(0) => return Ok(Some(length)),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.update(buffer.get(..count).unwrap_or_default());
            length = length.saturating_add(count as u64);
            if !resume() {
                return Ok(None);
            }
        }
    }

    /// The digest of all bytes.
    pub fn finish(self) -> Digest {
        Digest::new(self.0.finalize().into())
    }
}

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
