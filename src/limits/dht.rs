//! Limits of a node of the distributed hash table (docs/dht.md).

use std::time::Duration;

/// Finding and announcing in the distributed hash table.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Dht {
    /// Time between two announcements of a key. Other programs forget a holder after 30 minutes.
    pub announce_interval: Duration,
    /// Time after which a failed announcement is tried again.
    pub announce_retry: Duration,
    /// Least time between two announcements of a key, if nodes that have stored it were started again.
    pub announce_least: Duration,
    /// Time to find holders of a document. A request to a node that has left takes 2 s, and each step of a query
    /// may meet one.
    pub find: Duration,
    /// Time for which further holders are waited for after the first one.
    pub find_more: Duration,
    /// Holders that a query returns: a node can return any number of addresses.
    pub holders: usize,
    /// Holders with the same address that a query returns. They differ in their ports.
    pub holders_per_address: usize,
    /// Those of one reply. A query asks the 20 nodes that are closest to the key, among others.
    pub holders_per_reply: usize,
    /// Holders that are asked for the title, the digest and the length of a document, at the same time.
    pub asked_holders: usize,
    /// Time in which they must have replied: the result waits for it if one is silent.
    pub ask: Duration,
}

impl Dht {
    /// The values of docs/dht.md.
    pub const DEFAULT: Self = Self {
        announce_interval: Duration::from_secs(25 * 60),
        announce_retry: Duration::from_secs(10),
        announce_least: Duration::from_secs(2 * 60),
        find: Duration::from_secs(10),
        find_more: Duration::from_millis(500),
        holders: 128,
        holders_per_address: 16,
        holders_per_reply: 8,
        asked_holders: 8,
        ask: Duration::from_secs(2),
    };
}

impl Default for Dht {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Documents that a peer announces with a key for each. A peer with more announces keys of buckets.
pub const DHT_OWN_KEYS: usize = 1000;
/// Buckets of RFCs.
pub const DHT_RFC_BUCKETS: u32 = 512;
/// RFCs with consecutive numbers in a bucket.
pub const DHT_RFCS_PER_BUCKET: u32 = 64;
/// Keys that are announced at the same time: an announcement takes several seconds if nodes have left.
pub const DHT_ANNOUNCING: usize = 4;
/// Queries at the same time, each with two threads. A query continues for seconds after it has found the first holder.
pub const DHT_QUERIES: usize = 64;
/// Holders that are asked for titles at the same time, for all documents of a program: each takes a descriptor.
pub const DHT_ASKED_HOLDERS: usize = 32;
/// Bytes of the reply of a holder that is asked for a title. A record has at most 2 KiB.
pub const DHT_TITLE_REPLY: usize = 16 * 1024;
/// Bootstrap nodes that a user may name.
pub const DHT_BOOTSTRAP_NODES: usize = 64;
/// Keys whose holders a node stores: about 50 MB, if each has as many holders as it may have.
pub const DHT_STORED_KEYS: usize = 14_336;
/// Holders that a node stores for a key.
pub const DHT_STORED_HOLDERS: usize = 56;
/// Time for which a node counts the announcements of an address.
pub const DHT_COUNTING: Duration = Duration::from_secs(15 * 60);
/// Announcements of one key by one address in this time with one token, which changes every 5 minutes: each takes a
/// place in the list of the key.
pub const DHT_ANNOUNCED_PER_KEY: u32 = 4;
/// Announcements of one address in this time with one token. A peer announces at most [`DHT_OWN_KEYS`] keys, to fewer than all nodes,
/// and several peers may have one address.
pub const DHT_ANNOUNCED_PER_SENDER: u32 = 4000;
/// Counts of announcements. For a further one, another count is forgotten.
pub const DHT_COUNTED: usize = 65_536;
/// Interval at which a peer finds out which documents it shares.
pub const DHT_LIBRARY: Duration = Duration::from_secs(5);
/// Time between two starts of a node that has failed.
pub const DHT_RESTART: Duration = Duration::from_secs(10);
/// Time after the start of a node for which queries wait until it knows another node.
pub const DHT_JOIN: Duration = Duration::from_secs(5);
/// Time between two checks whether a node knows another one.
pub const DHT_JOIN_WAIT: Duration = Duration::from_millis(10);
/// Time between two attempts to reach the bootstrap nodes.
pub const DHT_JOIN_RETRY: Duration = Duration::from_secs(1);
/// Time between two messages to a bootstrap node that has replied. One that was started again has another identifier,
/// and knows no node.
pub const DHT_PING: Duration = Duration::from_secs(15);
/// Time after which a node that has joined asks for nodes again, so that it learns of nodes that have joined since.
pub const DHT_REFRESH: Duration = Duration::from_secs(5 * 60);
/// Time after which the thread that introduces a node notices that the node has ended.
pub const DHT_JOIN_POLL: Duration = Duration::from_millis(500);
/// The stack of a node, in bytes, of which the deepest message takes less than three quarters.
pub const DHT_STACK: usize = 1024 * 1024;
