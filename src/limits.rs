//! Every limit of the programs in one place (protocol.md section 7).
//!
//! The comment on each number says what it protects. Limits that depend on the machine, such as the
//! number of connections, are computed where they apply; only their upper bound is defined here.

mod holders;
mod index_client;
mod library;
mod memory;
mod uploads;

use std::time::Duration;

pub use holders::*;
pub use index_client::*;
pub use library::*;
pub use memory::*;
pub use uploads::*;

/// Bytes of a request line or status line, its line end included.
pub const START_LINE: usize = 2 * 1024;
/// Bytes of one header line, its line end included.
pub const HEADER_LINE: usize = 4 * 1024;
/// Bytes of a whole head, the empty line included.
pub const HEAD: usize = 16 * 1024;
/// Bytes of empty lines before a request, in a minute: they are read for nothing.
pub const EMPTY_LINES: usize = 64;
/// Header lines of a request.
pub const REQUEST_HEADERS: usize = 32;
/// Bytes of header lines that are remembered until the next request of a connection, in which they
/// are mostly the same.
pub const REMEMBERED_HEADERS: usize = 512;
/// Header lines of a response.
pub const RESPONSE_HEADERS: usize = 64;

/// Bytes of a title.
pub const TITLE: usize = 512;
/// Characters of a word of a title or a query that are compared.
pub const WORD: usize = 16;
/// Words of a title that SEARCH finds it by.
pub const TITLE_WORDS: usize = 64;
/// Different words of a query that are searched for.
pub const QUERY_WORDS: usize = 16;
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
/// Bytes of a host: the length of the longest domain name.
pub const HOST: usize = 253;
/// Bytes of the `OS` and `Content-Type` headers.
pub const HEADER_TEXT: usize = 256;
/// Bytes of a file name, decoded: what common file systems take.
pub const FILE_NAME: usize = 255;
/// Bytes of one record line in a reply, its line end included. A file name may triple in size when
/// it is percent-encoded.
pub const RECORD_LINE: usize = 2 * 1024;

/// Time for a head to arrive, counted from its first byte.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(20);
/// A reader must take [`PROGRESS_BYTES`] in this time, or the connection is cut.
pub const PROGRESS_TIME: Duration = Duration::from_secs(60);
/// See [`PROGRESS_TIME`].
pub const PROGRESS_BYTES: u64 = 64 * 1024;
/// Time of sending after which a sender checks how much its reader has acknowledged.
pub const READ_CHECK: Duration = Duration::from_secs(10);
/// Bytes that a reader may have read although its system acknowledges nothing: a sixteenth of a
/// receive buffer of 3 MiB.
pub const READ_UNSEEN: u64 = 192 * 1024;
/// Bytes up to which what was acknowledged between two checks is little.
pub const STEADY_STEP: u64 = 32 * 1024;
/// Time after which a sender that waits for its reader looks at the clock, at its slot, and at who
/// else waits.
pub const SEND_CHECK: Duration = Duration::from_secs(1);
/// Bytes of a document that are sent between two such looks: at most what a reader that takes 64 KiB
/// a second, and so keeps the sender from waiting for [`SEND_CHECK`], takes in 4 s.
pub const SEND_PIECE: u64 = 256 * 1024;
/// Bytes of the pieces in which a long list is produced and written. With small pieces the reader drains
/// each before the next arrives, and wakeups dominate; while a processor copies a large piece, other
/// connections wait.
pub const LIST_PIECE: usize = 56 * 1024;
/// Room for a piece and the record that fills it.
pub const LIST_BUFFER: usize = 64 * 1024;
/// Bytes of replies for which a session keeps its buffer while it waits for requests.
pub const SMALL_OUTPUT: usize = 8 * 1024;
/// Larger buffers that are kept for all sessions while nobody uses them, each of at most twice a
/// piece of a list.
pub const UNUSED_BUFFERS: usize = 16;

/// Records that are looked at while the index is locked once.
pub const VISITS: usize = 256;

/// A request that looks at fewer records is not counted as work.
pub const SMALL_REQUEST: usize = 64;
/// Records that a session may look at without a turn ([`crate::server`]): some ten microseconds.
pub const WORK_BURST: usize = 4096;
/// Records that it may look at without a turn in [`WORK_TIME`]: 64 sessions take a twentieth of a
/// processor.
pub const WORK_RECORDS: u128 = 50_000;
/// See [`WORK_RECORDS`].
pub const WORK_TIME: Duration = Duration::from_secs(1);
/// Records that are remembered of a session: a second after large requests it needs no turn.
pub const WORK_MOST: usize = 50_000;
/// Records that are looked at in one turn if nothing is sent.
pub const TURN: usize = 4096;

/// Silence after which the first keepalive probe is sent.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// Time between keepalive probes.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Keepalive probes that may go unanswered.
pub const KEEPALIVE_PROBES: u32 = 3;
/// Time that sent data may stay unacknowledged, except by readers of long replies, for which there is
/// [`PROGRESS_TIME`]. Keepalive does not probe while data is queued.
pub const UNACKNOWLEDGED: Duration = Duration::from_secs(90);
/// Bytes of a reply that the kernel buffers ahead of what is on the wire; of a long upload it
/// buffers what it likes.
pub const UNSENT: u32 = 64 * 1024;

/// Concurrent connections to the index, where the machine allows that number.
pub const CONNECTIONS: usize = 10_000;
/// Connections to the index from one network, unless `--connections-per-address` sets another number;
/// loopback is exempt.
pub const CONNECTIONS_PER_ADDRESS: usize = 64;
/// How many times the limit of an IPv6 network of 64 bits one of 48 bits has, which a provider may
/// give to a single customer.
pub const NETWORKS_PER_SITE: usize = 4;
/// Time in which a new connection is expected to send a request. When all permits are taken, one
/// that has not done so is closed for the next.
pub const SILENT_TIME: Duration = Duration::from_secs(1);
/// Connections closed for others whose threads may be ending at the same time.
pub const EVICTED: usize = 8;
/// Refused connections that are read until the other side has taken the refusal.
pub const REFUSED: usize = 8;
/// Records that one connection may hold.
pub const RECORDS_PER_CONNECTION: usize = 40_000;
/// Records that the index holds in all.
pub const RECORDS: usize = 10_000_000;
/// Bad requests in a row, after which a connection is closed.
pub const CONSECUTIVE_FAULTS: u32 = 10;
/// Host names that the index resolves for one connection.
pub const HOST_RESOLUTIONS: usize = 8;
/// Host names that it resolves for one network in a row, which is half of what is resolved at a time.
pub const NETWORK_RESOLUTIONS: f64 = 32.0;
/// How many more of them in a second.
pub const NETWORK_RESOLUTION_RATE: f64 = 1.0;

/// Connections from one network that were closed for faults, from which on others are refused.
pub const OFFENCES: f64 = 64.0;
/// Offences of one network that are counted at most: 4 s after the last one it is served again.
pub const OFFENCES_MOST: f64 = OFFENCES + 4.0 * OFFENCES_FORGOTTEN;
/// How many of them are forgotten in a second.
pub const OFFENCES_FORGOTTEN: f64 = 8.0;
/// Networks whose faults are counted.
pub const REMEMBERED_NETWORKS: usize = 1024;

/// First pause after a failed accept; it doubles up to [`ACCEPT_PAUSE_MAX`].
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(5);
/// See [`ACCEPT_PAUSE`].
pub const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// File descriptors kept for everything that is no connection.
pub const RESERVED_FILES: usize = 64;
/// The same where there are few: standard streams, listeners, signals, and refused connections.
pub const LEAST_RESERVED_FILES: usize = 24;
/// Time in which a reader must take something of a document that is handed over, or another reader
/// may get it; and time for the last bytes to be acknowledged.
pub const HAND_OVER_STALL: Duration = Duration::from_secs(2);
/// Time after which the sender of such a document checks what its reader has taken.
pub const HAND_OVER_CHECK: Duration = Duration::from_millis(250);
/// Stack of a connection's thread, in bytes.
pub const THREAD_STACK: usize = 128 * 1024;
/// Time that sessions get to finish their reply when the server stops.
pub const STOP_GRACE: Duration = Duration::from_secs(1);
/// Time that uploads get to finish when the peer stops.
pub const UPLOAD_GRACE: Duration = Duration::from_secs(5);
/// Time for which a closing connection still reads, so that its last reply is not lost to a reset.
pub const LINGER: Duration = Duration::from_millis(500);
/// Bytes that a closing connection still reads.
pub const LINGER_BYTES: usize = 64 * 1024;

/// Part files of one document, each of which has another digest or length.
pub const PART_FILES_OF_DOCUMENT: usize = 4;
/// Part files of a directory whose digests the user does not trust, and that are not in use.
pub const PART_FILES: usize = 4096;
/// Bytes that they may take on the disk.
pub const PARTS_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// The part of the free space that they may take, if that is less: an eighth.
pub const PARTS_SHARE: u64 = 8;
/// Age of a part file that no download wants, from which on it is deleted.
pub const PART_AGE: Duration = Duration::from_hours(7 * 24);

/// Entries that the journal keeps of one document.
pub const JOURNAL_ENTRIES: usize = 12;
/// Bytes of a journal of downloads above which it is compacted, if less is worth keeping.
pub const JOURNAL_COMPACT_ABOVE: u64 = 4 * 1024 * 1024;
/// The shortest time between two syncs of a journal: a power cut costs no more of it. Each sync also
/// waits for the documents that are being written to the same file system.
pub const JOURNAL_SYNC: Duration = Duration::from_secs(1);
/// Bytes that a journal of downloads may have. Half of them are kept when it is compacted.
pub const JOURNAL_BYTES: usize = 32 * 1024 * 1024;

/// Time to connect to an index: to resolve its name, and to try all of its addresses. A connection to
/// a holder has the time of its reply's head instead ([`FIRST_BYTE`], [`FIRST_BYTE_UNPROVEN`]).
pub const CONNECT: Duration = Duration::from_secs(5);
/// Time after which the next address of a peer or an index is tried, too (RFC 8305 section 8).
pub const CONNECT_STAGGER: Duration = Duration::from_millis(250);
/// Addresses of one host that are tried: a name can have hundreds.
pub const ADDRESSES_TRIED: usize = 8;
/// Time for a lookup of a host name.
pub const RESOLVE: Duration = Duration::from_secs(5);
/// Concurrent lookups of host names, each of which has a thread.
pub const RESOLVERS: usize = 64;
/// Time until the head of a holder's reply is complete. Resolving its name and connecting are included.
/// A busy uploader may answer only after [`SLOT_WAIT`].
pub const FIRST_BYTE: Duration = Duration::from_secs(10);
/// The same for a holder that has not delivered anything yet, while others are left to ask.
pub const FIRST_BYTE_UNPROVEN: Duration = Duration::from_secs(2);
/// Bytes of a document that such a holder must have delivered before no other is asked in parallel,
/// and before its connection no longer counts among the [`TRIALS`].
pub const BEGINNING: u64 = 16 * 1024;
/// The same for the other holders of a document of which one began and then stopped or was slow: eight
/// times as much after each, up to this.
pub const BEGINNING_MOST: u64 = 1024 * 1024;
/// Bytes a second that a beginning must have in each [`FIRST_BYTE_UNPROVEN`] while others are left to
/// ask. After one that stopped or was slow it is [`SLOW_RATE`].
pub const BEGINNING_RATE: u64 = 4 * 1024;
/// Time after which the next holder is asked in parallel.
pub const HOLDER_STAGGER: Duration = Duration::from_secs(1);
/// Holders that are asked in parallel for one document.
pub const HOLDERS_ASKED: usize = 8;
/// Connections to holders that have not delivered anything yet, in all downloads together, until
/// [`BEGINNING`] bytes of a document have come.
pub const TRIALS: usize = 8;
/// Of these, those to holders that were given up early and are asked again: the rest is for holders
/// that were never tried.
pub const LATE_TRIALS: usize = 6;
/// Time for which all downloads ask a holder last that did not answer in time.
pub const SILENT: Duration = Duration::from_secs(60);
/// A download must bring [`RATE_BYTES`] in this time.
pub const RATE_TIME: Duration = Duration::from_secs(30);
/// See [`RATE_TIME`]: 1 KiB a second.
pub const RATE_BYTES: u64 = 30 * 1024;
/// Bytes of a document that a peer accepts without having been told its length.
pub const DOCUMENT: u64 = 1024 * 1024 * 1024;
/// Bytes of a document that a peer accepts.
pub const LARGEST_DOCUMENT: u64 = 64 * 1024 * 1024 * 1024;
/// A document of more bytes is fetched in segments.
pub const SEGMENTED: u64 = 8 * 1024 * 1024;
/// Holders from which the segments of one document are downloaded concurrently.
pub const SEGMENTS_AT_ONCE: usize = 8;
/// Time after which a holder that is below [`RATE_BYTES`] in proportion is left for another one.
pub const RATE_TIME_OF_ONE: Duration = Duration::from_secs(5);
/// Documents that are downloaded concurrently, where there are enough descriptors.
pub const DOWNLOADS_AT_ONCE: usize = 8;
/// Workers of these that slow documents may not occupy while other documents were never tried.
pub const RESERVED_WORKERS: usize = 2;
/// Bytes a second below which a download is slow. A document's time budget is its length divided by this
/// rate.
pub const SLOW_RATE: u64 = 16 * 1024;
/// Time after which the rate of a download is compared with [`SLOW_RATE`].
pub const SLOW_AFTER: Duration = Duration::from_secs(10);
/// The shortest time budget of a document. Beyond its budget it yields its worker to documents that wait.
pub const DOCUMENT_TIME: Duration = Duration::from_mins(2);
/// Time for which a download waits while another process downloads the same document.
pub const IN_USE: Duration = Duration::from_hours(1);
/// Interval at which it checks whether the other process has finished.
pub const IN_USE_PAUSE: Duration = Duration::from_millis(500);
/// Documents that are requested ahead on a connection that its holder keeps open.
pub const ASKED_AHEAD: usize = 8;
/// Downloads that are brought to disk together, at most.
pub const BATCH: usize = 64;
/// Downloads from which on a batch is brought to disk by syncing the whole file system. That waits for
/// the unwritten data of all programs, so fewer files are synced one by one.
pub const SYNC_TOGETHER: usize = 16;
/// Time for which one that is whole waits for others.
pub const BATCH_TIME: Duration = Duration::from_millis(100);
/// How often a document or a holder is tried without anything coming of it.
pub const TRIES: u32 = 3;
/// First pause before a holder that failed is asked again; it doubles up to [`ASK_AGAIN_MAX`].
pub const ASK_AGAIN: Duration = Duration::from_secs(3);
/// See [`ASK_AGAIN`].
pub const ASK_AGAIN_MAX: Duration = Duration::from_secs(60);
/// First pause before the index is asked again for what nobody had; it doubles up to
/// [`NOBODY_HAS_IT_MAX`].
pub const NOBODY_HAS_IT: Duration = Duration::from_mins(1);
/// See [`NOBODY_HAS_IT`].
pub const NOBODY_HAS_IT_MAX: Duration = Duration::from_hours(1);
/// Time for which the addresses of a holder are not looked up again.
pub const ADDRESSES_KEPT: Duration = Duration::from_secs(10);
/// Other peers of which round trip and rate are kept.
pub const NEIGHBOURS: usize = 10_000;

/// Rows of a table that are drawn together: a longer list is drawn as several tables, so that it is
/// never in memory as a whole.
pub const TABLE_ROWS: usize = 10_000;
/// Records that a command keeps in memory of a list: those of an index server can be endless.
pub const LISTED_RECORDS: usize = 1_000_000;
/// Bytes of those records, as they came.
pub const LISTED_BYTES: usize = 128 * 1024 * 1024;
/// Peers that `peers` counts.
pub const LISTED_PEERS: usize = 100_000;

/// Time that `get --out FIFO` waits for a program that reads the FIFO.
pub const FIFO_READER: Duration = Duration::from_secs(30);
/// Bytes that `verify` and copies read in one piece.
pub const VERIFY_BUFFER: usize = 256 * 1024;
/// Time in which a cancelled command and the session end in order, before the program ends at any
/// rate.
pub const ENDING: Duration = Duration::from_secs(2);
/// Time between two looks for an interrupt where nothing else ends a pause.
pub const INTERRUPT_POLL: Duration = Duration::from_millis(50);
