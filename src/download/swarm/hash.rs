//! The digest of a document that arrives in segments (protocol.md section 5.6).

use std::io;

use crate::library::{ChunkedPart, Hasher};
use crate::system::PageAligned;

/// Adds the bytes from `hashed` to `until`, which are complete, to `hasher`.
pub(super) fn hash(
    part: &ChunkedPart,
    hasher: &mut Hasher,
    hashed: &mut u64,
    until: u64,
) -> io::Result<()> {
    // Bounded, so that progress is reported in between.
    const AT_ONCE: u64 = 16 * 1024 * 1024;
    let until = until.min(hashed.saturating_add(AT_ONCE));
    let mut chunk = PageAligned::new(256 * 1024);
    while *hashed < until {
        let most = usize::try_from(until - *hashed).unwrap_or(usize::MAX).min(chunk.len());
        let Some(room) = chunk.get_mut(..most) else { break };
        let count = part.read(room, *hashed)?;
        let Some(bytes @ [_, ..]) = room.get(..count) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        hasher.update(bytes);
        *hashed += count as u64;
    }
    Ok(())
}
