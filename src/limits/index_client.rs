//! Limits of requests to an index server, and of staying registered there (protocol.md section 7).

use std::time::Duration;

use super::{Connecting, ReadRate};

/// The limits of requests to an index server. [`IndexClient::DEFAULT`] has the values of protocol.md
/// section 7.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct IndexClient {
    /// How the peer connects to the index.
    pub connecting: Connecting,
    /// Time in which the index must send some part of its reply.
    pub reply: Duration,
    /// How fast a reply must arrive while the peer waits for it.
    pub rate: ReadRate,
    /// Time in which an index must reply to the first request of this program, before the request is sent in
    /// other forms.
    pub first_reply: Duration,
    /// `first_reply` when a peer registers, where no user waits.
    pub registration_first_reply: Duration,
    /// Time in which an index must reply to a request in another form.
    pub form_trial: Duration,
    /// `form_trial` after the index has replied 400 to another form, which shows that it replies.
    pub form_trial_answered: Duration,
    /// Time in which an index that has shown no extension must reply to SEARCH, before its list is searched.
    pub search: Duration,
    /// Time in which an index must reply to a LOOKUP without extensions, before its list is searched.
    pub plain_lookup: Duration,
    /// Silence after a greeting, after which the request has failed.
    pub reply_after_greeting: Duration,
    /// Time in which an index server closes a connection if it answers one request on each.
    pub close_after_reply: Duration,
    /// Silence after a refusal that is complete with its status line, before the next request.
    pub refusal_rest: Duration,
    /// Time for more to arrive after another reply of a server that has shown no extension.
    pub reply_rest: Duration,
    /// Time in which an unknown index must reply to the LOOKUP by which a peer finds out what it
    /// knows: some servers never answer a header that they do not know.
    pub probe_reply: Duration,
    /// `probe_reply` when a peer registers, where no user waits: an overloaded index may take longer.
    pub registration_probe: Duration,
    /// Time without reading after which a reply that is cut off is not the fault of the index.
    pub not_read: Duration,
    /// Silence that ends a list where no extension and no final empty line was ever seen.
    pub end_by_silence: Duration,
    /// `end_by_silence` of a reply that has followed the grammar so far.
    pub end_by_silence_in_grammar: Duration,
    /// Silence that ends a reply to ADD, after one has ended by `end_by_silence`.
    pub known_silence: Duration,
    /// Time that the reply to one LOOKUP may take.
    pub lookup: Duration,
    /// Records that a peer takes from one LOOKUP.
    pub holders: usize,
    /// Records of a list that are kept to look up documents in it.
    pub lookup_list: usize,
}

impl IndexClient {
    /// The values of protocol.md section 7.
    pub const DEFAULT: Self = Self {
        connecting: Connecting::DEFAULT,
        reply: Duration::from_secs(30),
        rate: ReadRate::DEFAULT,
        first_reply: Duration::from_secs(3),
        registration_first_reply: Duration::from_secs(5),
        form_trial: Duration::from_millis(1500),
        form_trial_answered: Duration::from_millis(500),
        search: Duration::from_secs(5),
        plain_lookup: Duration::from_secs(10),
        reply_after_greeting: Duration::from_secs(5),
        close_after_reply: Duration::from_millis(500),
        refusal_rest: Duration::from_millis(200),
        reply_rest: Duration::from_millis(2),
        probe_reply: Duration::from_secs(3),
        registration_probe: Duration::from_secs(10),
        not_read: Duration::from_secs(8),
        end_by_silence: Duration::from_secs(1),
        end_by_silence_in_grammar: Duration::from_secs(5),
        known_silence: Duration::from_millis(100),
        lookup: Duration::from_secs(60),
        holders: 10_000,
        lookup_list: 50_000,
    };
}

impl IndexClient {
    /// The limits at a server of a cluster, which other servers can replace: it is given up sooner.
    #[must_use]
    pub fn of_cluster(self) -> Self {
        let most = CLUSTER_REPLY;
        Self {
            reply: self.reply.min(most),
            first_reply: self.first_reply.min(most),
            registration_first_reply: self.registration_first_reply.min(most),
            registration_probe: self.registration_probe.min(most),
            ..self
        }
    }
}

impl Default for IndexClient {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The limits of staying registered with an index server. [`Registration::DEFAULT`] has the values of
/// protocol.md section 7.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Registration {
    /// First pause before a peer connects to its index again; it doubles up to `reconnect_max`.
    pub reconnect: Duration,
    /// The longest pause before a peer connects to its index again.
    pub reconnect_max: Duration,
    /// `reconnect_max` after the index was full.
    pub reconnect_full_max: Duration,
    /// A connection to the index that has lasted for this time ends the backoff.
    pub lasting_connection: Duration,
    /// First pause before a document is tried again that the index had no room for; it doubles up to
    /// `retry_full_max`. Only this request shows that other peers have left room.
    pub retry_full: Duration,
    /// The longest pause before a document is tried again that the index had no room for.
    pub retry_full_max: Duration,
    /// Time for which a peer waits for the digests of a small library before it registers it, so that
    /// each document is added once.
    pub digests_wait: Duration,
    /// Bytes of documents without a digest for which it waits: they are read in a fraction of that
    /// time.
    pub digests_waited_for: u64,
    /// Time between two requests by which a peer finds out whether its server of a cluster still replies. A
    /// part of up to a quarter is left out at random.
    pub keep_alive: Duration,
    /// Time before a peer registers with another server of a cluster; a random part of it, so that the peers of
    /// a server that has ended do not all arrive at the same time.
    pub fail_over: Duration,
    /// Connections that are replaced in a row without a pause.
    pub replaced_connections: usize,
}

impl Registration {
    /// The values of protocol.md section 7.
    pub const DEFAULT: Self = Self {
        reconnect: Duration::from_millis(250),
        reconnect_max: Duration::from_secs(15),
        reconnect_full_max: Duration::from_secs(60),
        lasting_connection: Duration::from_secs(30),
        retry_full: Duration::from_secs(2),
        retry_full_max: Duration::from_secs(15),
        digests_wait: Duration::from_millis(250),
        digests_waited_for: 16 * 1024 * 1024,
        keep_alive: Duration::from_secs(3),
        fail_over: Duration::from_secs(1),
        replaced_connections: 16,
    };
}

impl Default for Registration {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Time between what a peer sends for joining and its first request, so that they arrive in two reads.
pub const AFTER_JOINING: Duration = Duration::from_millis(150);
/// Lines of a greeting that other index servers may send before their first reply.
pub const GREETING_LINES: usize = 8;
/// LOOKUPs that are sent together to an index that reads pipelines.
pub const LOOKUPS_TOGETHER: usize = 128;
/// Bytes of such requests. They fit into the buffers of the connection, so that sending them does not
/// wait for an index that waits for its replies to be read.
pub const LOOKUPS_TOGETHER_BYTES: usize = 16 * 1024;
/// Time after which `sync` looks up no further digests that holders announce.
pub(crate) const ANNOUNCED: Duration = Duration::from_mins(1);
/// Time between two checks whether the digests of a library are there.
pub const DIGESTS_POLL: Duration = Duration::from_millis(5);
/// Documents whose lengths `sync --dry-run` looks up, one LOOKUP each.
pub(crate) const DRY_RUN_LENGTHS: usize = 10_000;
/// Rows of the last printed list that the shell keeps: `%1` to `%9999`.
pub(crate) const LISTED_ROWS: usize = 9_999;
/// Documents of the index that the shell keeps for completion.
pub(crate) const COMPLETED_DOCUMENTS: usize = 10_000;
/// Records of a list that completion reads.
pub(crate) const COMPLETION_RECORDS: usize = 100_000;
/// Bytes of empty lines before a reply of the index, in a minute.
pub const EMPTY_LINES_OF_INDEX: usize = 1024;
/// Time for which an index server that could not be reached is not asked, if there are others.
pub const INDEX_REST: Duration = Duration::from_secs(5);
/// The longest such time, after a failure that has taken long.
pub const INDEX_REST_MAX: Duration = Duration::from_mins(1);
/// Time for which the other index servers are waited for when one has replied and nothing more arrives: long enough for
/// two forms of requests at a server of another program.
pub(crate) const INDEX_GRACE: Duration = Duration::from_secs(5);
/// Parts of the reply of one of several index servers that are kept until the replies of those before it were used. A part
/// is at most a line of 2 KiB.
pub(crate) const PARTS_KEPT: usize = 4096;
/// Time for which a session waits for its other index servers when it is registered with one.
pub const OTHER_INDEXES: Duration = Duration::from_secs(1);
/// Time for which a peer waits, before it registers with a server, for the replies of those that were named before.
pub const EARLIER_INDEXES: Duration = Duration::from_secs(2);
/// Time in which a server of a cluster must reply before a peer uses another one.
pub const CLUSTER_REPLY: Duration = Duration::from_secs(4);
/// Index servers of a peer. Each has a thread, connections and a list of what it has registered.
pub const INDEX_SERVERS: usize = 16;
