//! Limits of connections and of connecting (protocol.md section 7).

use std::time::Duration;

/// Which connections a server admits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Admission {
    /// Connections from one network; loopback is exempt.
    pub per_network: usize,
    /// Time within which a new connection should send a request. When all permits are taken, a
    /// connection that has sent none in this time is closed to admit the next one.
    pub silent_time: Duration,
    /// Connections that were closed to admit others, and whose threads have not ended yet.
    pub evicted: usize,
    /// Connections of one network that were closed for abuse, after which its connections are refused.
    pub offences: f64,
    /// The largest count of one network: it is served again 4 s after its last offence.
    pub offences_max: f64,
    /// Offences that are forgotten per second.
    pub offences_forgotten: f64,
    /// Time for which a closing connection drains its input, so that its last reply is not lost to a reset.
    pub linger: Duration,
}

impl Admission {
    /// Admits this number of connections from one network.
    pub const fn of_network(per_network: usize) -> Self {
        Self {
            per_network,
            silent_time: Duration::from_secs(1),
            evicted: 8,
            offences: 64.0,
            offences_max: 64.0 + 4.0 * 8.0,
            offences_forgotten: 8.0,
            linger: Duration::from_millis(500),
        }
    }
}

/// How a program connects to a host. [`Connecting::DEFAULT`] has the values of protocol.md section 7.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Connecting {
    /// Time to connect to an index: to try all of its addresses. Connecting to a holder has the deadline of the
    /// head of its reply instead ([`Downloads`](super::Downloads)).
    pub connect: Duration,
    /// Time for any lookup of a host name, except those of holders. Resolvers ask their second name server after 5 s.
    pub resolve: Duration,
    /// Time after which the next address of a host is tried in parallel (RFC 8305 section 8).
    pub stagger: Duration,
    /// Addresses of one host that are tried: a name can have hundreds.
    pub addresses: usize,
    /// Time for which the addresses of a host are not looked up again.
    pub addresses_kept: Duration,
}

impl Connecting {
    /// The values of protocol.md section 7.
    pub const DEFAULT: Self = Self {
        connect: Duration::from_secs(5),
        resolve: Duration::from_secs(8),
        stagger: Duration::from_millis(250),
        addresses: 8,
        addresses_kept: Duration::from_secs(10),
    };
}

impl Default for Connecting {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Silence after which the first keepalive probe is sent.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Time between keepalive probes.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Keepalive probes that may go unanswered.
pub const KEEPALIVE_PROBES: u32 = 3;
/// The factor between the limit of an IPv6 /64 network and that of a /48 network, which a provider may
/// assign to a single customer.
pub const NETWORKS_PER_SITE: usize = 4;
/// Refused connections whose input is drained until the other side has received the refusal.
pub const REFUSED: usize = 8;
/// Networks whose offences are counted.
pub const REMEMBERED_NETWORKS: usize = 1024;
/// First pause after a failed accept; it doubles up to [`ACCEPT_PAUSE_MAX`].
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(5);
/// See [`ACCEPT_PAUSE`].
pub const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// File descriptors that are reserved for purposes other than connections.
pub const RESERVED_FILES: usize = 64;
/// The same where descriptors are scarce: standard streams, listeners, signals, and refused connections.
pub const LEAST_RESERVED_FILES: usize = 24;
/// Stack of a connection's thread, in bytes.
pub const THREAD_STACK: usize = 128 * 1024;
/// Time for sessions to finish their replies when the server stops.
pub const STOP_GRACE: Duration = Duration::from_secs(1);
/// Bytes that a closing connection drains.
pub const LINGER_BYTES: usize = 64 * 1024;
/// Concurrent lookups of host names, each with its own thread.
pub const RESOLVERS: usize = 64;
/// Time between two checks for an interrupt where nothing else ends a pause.
pub const INTERRUPT_POLL: Duration = Duration::from_millis(50);
