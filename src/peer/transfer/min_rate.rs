//! The minimum rate of a download (protocol.md section 7).

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::limits;
use crate::net::read_before;
use crate::peer::transfer_error::TransferError;

/// Whether a holder is fast enough: checked again and again, each time for what came since.
#[derive(Debug)]
pub(in crate::peer) struct MinRate {
    patience: Duration,
    since: Instant,
    bytes: u64,
}

impl MinRate {
    pub(in crate::peer) fn new(patience: Duration) -> Self {
        Self { patience, since: Instant::now(), bytes: 0 }
    }

    /// Waits for something here, such as the limit on bytes a second: the holder is not to blame
    /// for that time.
    pub(in crate::peer) fn excuse<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = wait();
        self.since += begun.elapsed();
        result
    }

    /// Reads once; 0 is the end.
    pub(in crate::peer) fn read(
        &mut self,
        stream: &TcpStream,
        chunk: &mut [u8],
    ) -> Result<usize, TransferError> {
        loop {
            match read_before(stream, chunk, self.since + self.patience) {
                Ok(count) => {
                    self.bytes += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    let least =
                        limits::RATE_BYTES * self.patience.as_secs() / limits::RATE_TIME.as_secs();
                    if self.bytes < least {
                        let (bytes, time) = (self.bytes, self.patience);
                        return Err(TransferError::TooSlow { bytes, time });
                    }
                    *self = Self::new(self.patience);
                }
                // A reset after the last byte of a document without length is an end, too, but
                // nobody can tell it from a truncated one.
                Err(error) => return Err(TransferError::Lost(error)),
            }
        }
    }
}
