//! Limits of requests to an index server, and of staying registered there (protocol.md section 7).

use std::time::Duration;

/// Time in which the index must send some part of its reply.
pub const INDEX_REPLY: Duration = Duration::from_secs(30);
/// Lines of a greeting that other index servers may send before their first reply.
pub const GREETING_LINES: usize = 8;
/// Silence after a greeting, after which the request has failed.
pub const REPLY_AFTER_GREETING: Duration = Duration::from_secs(5);
/// Time in which an index server closes a connection if it answers one request on each.
pub const CLOSE_AFTER_REPLY: Duration = Duration::from_millis(500);
/// Silence after a refusal that is complete with its status line, before the next request.
pub const REFUSAL_REST: Duration = Duration::from_millis(200);
/// Time for more to arrive after another reply of a server that has shown no extension.
pub const REPLY_REST: Duration = Duration::from_millis(2);
/// Time in which an unknown index must reply to the LOOKUP by which a peer finds out what it knows:
/// some servers never answer a header that they do not know.
pub const PROBE_REPLY: Duration = Duration::from_secs(3);
/// The same when a peer registers, where nobody waits: an overloaded index may take longer.
pub const REGISTRATION_PROBE: Duration = Duration::from_secs(10);
/// Time without reading after which a reply that is cut off is not the fault of the index.
pub const NOT_READ: Duration = Duration::from_secs(8);
/// Connections that are replaced in a row without a pause.
pub const REPLACED_CONNECTIONS: usize = 16;
/// Silence that ends a list where no extension and no final empty line was ever seen.
pub const END_BY_SILENCE: Duration = Duration::from_secs(1);
/// The same where the reply has followed the grammar so far.
pub const END_BY_SILENCE_IN_GRAMMAR: Duration = Duration::from_secs(5);
/// Silence that ends a reply to ADD, after one has ended by [`END_BY_SILENCE`].
pub const KNOWN_SILENCE: Duration = Duration::from_millis(100);
/// Time that the reply to one LOOKUP may take.
pub const LOOKUP: Duration = Duration::from_secs(60);
/// Records of a list that are kept to look up documents in it.
pub const LOOKUP_LIST: usize = 50_000;
/// LOOKUPs that are sent together to an index that reads pipelines.
pub const LOOKUPS_TOGETHER: usize = 128;
/// Bytes of such requests. They fit into the buffers of the connection, so that sending them does not
/// wait for an index that waits for its replies to be read.
pub const LOOKUPS_TOGETHER_BYTES: usize = 16 * 1024;
/// Records that a peer takes from one LOOKUP.
pub const HOLDERS: usize = 10_000;
/// First pause before a peer connects to its index again; it doubles up to [`RECONNECT_MAX`].
pub const RECONNECT: Duration = Duration::from_millis(250);
/// See [`RECONNECT`].
pub const RECONNECT_MAX: Duration = Duration::from_secs(15);
/// The same after the index was full.
pub const RECONNECT_FULL_MAX: Duration = Duration::from_secs(60);
/// A connection to the index that has lasted for this time ends the backoff.
pub const LASTING_CONNECTION: Duration = Duration::from_secs(30);
/// First pause before documents are tried again that the index had no room for; it doubles up to
/// [`RETRY_FULL_MAX`].
pub const RETRY_FULL: Duration = Duration::from_secs(10);
/// See [`RETRY_FULL`].
pub const RETRY_FULL_MAX: Duration = Duration::from_mins(10);
/// Time for which a peer waits for the digests of a small library before it registers it, so that each
/// document is added once.
pub const DIGESTS_WAIT: Duration = Duration::from_millis(250);
/// Bytes of documents without a digest for which it waits: they are read in a fraction of that time.
pub const DIGESTS_WAITED_FOR: u64 = 16 * 1024 * 1024;
/// Time between two looks whether the digests are there.
pub const DIGESTS_POLL: Duration = Duration::from_millis(5);

/// Documents whose lengths `sync --dry-run` looks up, one LOOKUP each.
pub(crate) const DRY_RUN_LENGTHS: usize = 10_000;
/// Documents of the last printed list that the shell keeps for completion.
pub(crate) const COMPLETED_DOCUMENTS: usize = 10_000;
/// Bytes of empty lines before a reply of the index, in a minute.
pub const EMPTY_LINES_OF_INDEX: usize = 1024;
