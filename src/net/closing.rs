//! Closing a connection so that the last reply arrives (protocol.md sections 6.2 and 8.4).

use std::net::Shutdown;
use std::time::Duration;

use super::connection::Connection;
use crate::limits;

/// Closes a connection after its only reply: immediately, or with [`lingering_close`] if unread bytes
/// have arrived.
pub fn close_after_reply(connection: &Connection, linger: Duration) {
    if connection.has_unread() != Some(false) {
        lingering_close(connection, linger);
    }
}

/// Half-closes the connection and drains its input for this time, so that the last reply arrives.
///
/// Closing a socket with unread bytes resets the connection, and the reset may overtake the reply.
pub fn lingering_close(connection: &Connection, linger: Duration) {
    let deadline = limits::ends_after(linger);
    let mut left = limits::LINGER_BYTES;
    let mut chunk = [0; 4096];
    if connection.shutdown(Shutdown::Write).is_err() {
        return;
    }
    while left > 0 {
        match connection.read(&mut chunk, Some(deadline)) {
            Ok(0) | Err(_) => return,
            Ok(count) => left = left.saturating_sub(count),
        }
    }
}
