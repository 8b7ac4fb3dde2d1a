//! Limits of the HTTP server for operators (`crate::http`), and of its status page.

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
        connections: 48,
        admission: Admission::of_network(24),
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
/// Open status pages: each has a stream of events, which is a connection and a thread.
pub const EVENT_STREAMS: usize = 16;
/// Where connections are scarce, the fraction of them that streams of events may take.
pub const EVENT_STREAMS_OF_CONNECTIONS: usize = 2;
/// Interval at which a status page gets new requests.
pub const EVENT_INTERVAL: Duration = Duration::from_millis(250);
/// A status page gets the state once in this number of intervals, because reading it takes longer.
pub const EVENTS_OF_STATE: u64 = 4;
/// Time without an event, after which a stream shows that it is alive.
pub const EVENT_HEARTBEAT: Duration = Duration::from_secs(15);
/// Time after which a page connects again.
pub const EVENT_RETRY: Duration = Duration::from_secs(2);
/// Time between two samples of what a status page draws.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);
/// Samples that are kept: an hour.
pub const SAMPLES: usize = 360;
/// Rows of a table of a status page, of which a program may have many more.
pub const PAGE_ROWS: usize = 50;
/// Bytes of a token file that are read.
pub const TOKEN_FILE: u64 = 4096;
/// Requests that are kept for status pages.
pub const LIVE_REQUESTS: usize = 256;
/// Requests that are kept of one interval. No person can read more.
pub const LIVE_REQUESTS_OF_INTERVAL: usize = 64;
/// The interval.
pub const LIVE_INTERVAL: Duration = Duration::from_millis(250);
