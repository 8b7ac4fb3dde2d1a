//! Limits of an index server: records, search, and the work of a session (protocol.md section 7).

use std::time::Duration;

use super::{Admission, ReadRate};

/// The limits of an index server. [`Server::DEFAULT`] has the values of protocol.md section 7.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Server {
    /// Concurrent connections, where the machine allows that number.
    pub connections: usize,
    /// Which connections are admitted.
    pub admission: Admission,
    /// Time for a head to arrive, counted from its first byte.
    pub head_deadline: Duration,
    /// How fast a reader of replies must be.
    pub read_rate: ReadRate,
    /// Bad requests in a row, after which a connection is closed.
    pub consecutive_faults: u32,
    /// Records that one connection may hold.
    pub records_per_connection: usize,
    /// Records that the index holds in all.
    pub records: usize,
    /// Time to resolve a host name.
    pub resolve: Duration,
    /// Host names that the index resolves for one connection.
    pub host_resolutions: usize,
    /// Host names that the index resolves for one network in a burst: half of the concurrent lookups.
    pub network_resolutions: f64,
    /// Further host names that the index resolves for one network per second.
    pub network_resolution_rate: f64,
}

impl Server {
    /// The values of protocol.md section 7.
    pub const DEFAULT: Self = Self {
        connections: 10_000,
        admission: Admission::of_network(64),
        head_deadline: Duration::from_secs(20),
        read_rate: ReadRate::DEFAULT,
        consecutive_faults: 10,
        records_per_connection: 40_000,
        records: RECORDS,
        resolve: Duration::from_secs(5),
        host_resolutions: 8,
        network_resolutions: 32.0,
        network_resolution_rate: 1.0,
    };
}

impl Default for Server {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Bytes of header lines that are remembered until the next request of a connection, in which they
/// are mostly the same.
pub const REMEMBERED_HEADERS: usize = 512;
/// Documents of a search result that are ranked; further ones follow in the order of a list.
pub const RANKED: usize = 1000;
/// Titles that were added and are not in the search structure yet.
pub const PENDING_TITLES: usize = 65_536;
/// Titles of them that a SEARCH enters before it begins, at most; a thread of the server enters the others.
pub const TITLES_FOR_SEARCH: usize = 256;
/// Titles of them that it enters however long that takes: some microseconds each, or a tenth of a
/// millisecond for a title of many long words.
pub const LEAST_TITLES_FOR_SEARCH: usize = 16;
/// Time after which it enters no more.
pub const TITLES_TIME: Duration = Duration::from_millis(1);
/// Records that are visited while the index is locked once.
pub const VISITS: usize = 256;
/// A request that visits fewer records is not counted as work.
pub const SMALL_REQUEST: usize = 64;
/// Records that a session may visit without a turn ([`crate::server`]): some ten microseconds.
pub const WORK_BURST: usize = 4096;
/// Records that it may visit without a turn in [`WORK_TIME`]: 64 sessions take a twentieth of a
/// processor.
pub const WORK_RECORDS: u128 = 50_000;
/// See [`WORK_RECORDS`].
pub const WORK_TIME: Duration = Duration::from_secs(1);
/// Records that are remembered of a session: a second after large requests it needs no turn.
pub const WORK_MOST: usize = 50_000;
/// Records that are visited in one turn if nothing is sent.
pub const TURN: usize = 4096;
/// Records that an index holds in all. A peer expects no more in a reply.
pub const RECORDS: usize = 10_000_000;
