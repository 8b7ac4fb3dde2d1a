//! Limits of the HTTP server for operators (`crate::http`).

use std::time::Duration;

use super::{Admission, ReadRate};

/// The limits of an HTTP server.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Http {
    /// Concurrent connections, where there are enough descriptors.
    pub connections: usize,
    /// Which connections are admitted.
    pub admission: Admission,
    /// Time for a head to arrive, counted from its first byte, and then for the body.
    pub head_deadline: Duration,
    /// Time for which a connection without a request is kept open. Prometheus asks once a minute.
    pub kept_open: Duration,
    /// How fast a reader of replies must be.
    pub read_rate: ReadRate,
}

impl Http {
    /// The limits of the programs.
    pub const DEFAULT: Self = Self {
        connections: 32,
        admission: Admission::of_network(16),
        head_deadline: Duration::from_secs(10),
        kept_open: Duration::from_secs(75),
        read_rate: ReadRate::DEFAULT,
    };
}

impl Default for Http {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Time for replies to end when the server ends. The programs wait for them at their end.
pub const HTTP_STOP_GRACE: Duration = Duration::from_millis(300);
/// Bytes of the head of a request: memory of a connection.
pub const HTTP_HEAD: usize = 8 * 1024;
/// Header lines of a request: the stack of a connection's thread.
pub const HTTP_HEADERS: usize = 64;
/// Bytes of the body of a request: memory of a connection.
pub const HTTP_BODY: usize = 64 * 1024;
/// Where descriptors are scarce, the fraction of them that the connections may take.
pub const HTTP_FILES: usize = 16;
