//! Bytes that an index server sends without a request (protocol.md section 3.4).

use std::io;
use std::time::Duration;

use super::Open;
use crate::limits;

impl Open {
    /// Returns the bytes that have arrived without a request, perhaps after a wait; `None` if the
    /// connection is closed.
    pub(super) fn unsolicited(&mut self, wait: Option<Duration>) -> Option<Vec<u8>> {
        if self.between.has_only_end() {
            let mut chunk = [0; 256];
            let read = match wait {
                Some(wait) => self.link.stream.read(&mut chunk, Some(limits::ends_after(wait))),
                None => self.link.stream.try_read(&mut chunk),
            };
            match read {
                Ok(0) => return None,
                Ok(count) => self.between.input.extend(chunk.iter().take(count)),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock
                    | io::ErrorKind::TimedOut
                    | io::ErrorKind::Interrupted => {}
                    _ => return None,
                },
            }
        }
        // Empty lines before a reply mean nothing, and the last reply may end with a line `END`.
        let unsolicited = match self.between.has_only_end() {
            true => &[],
            false => self.between.input.trim_ascii(),
        };
        Some(unsolicited.to_vec())
    }
}
