//! Limits of commands and their output.

use std::time::Duration;

/// Rows of a table. A longer list is drawn as several tables, so that it is never in memory as a whole.
pub const TABLE_ROWS: usize = 10_000;
/// Records of a list that a command keeps in memory: an index server can send an endless list.
pub const LISTED_RECORDS: usize = 1_000_000;
/// Bytes of those records in the reply.
pub const LISTED_BYTES: usize = 128 * 1024 * 1024;
/// Peers that `peers` counts.
pub const LISTED_PEERS: usize = 100_000;
/// Bytes of lines that wait while a pager has the screen. Further lines are counted.
pub const DEFERRED: usize = 256 * 1024;
/// Time that `get --out FIFO` waits for a program that reads the FIFO.
pub const FIFO_READER: Duration = Duration::from_secs(30);
/// Bytes that `verify` and copies read at a time.
pub const VERIFY_BUFFER: usize = 256 * 1024;
/// Bytes that `read` shows as one line. A longer line is continued on the next one.
pub const READ_LINE: u64 = 64 * 1024;
/// Bytes of a document that `read` prints as JSON.
pub const READ_JSON: u64 = 16 * 1024 * 1024;
/// Time in which a program that opens a document can fail, and its failure is reported.
pub const OPENING: Duration = Duration::from_secs(1);
/// Time for a cancelled command and the session to end in order, before the program exits.
pub const ENDING: Duration = Duration::from_secs(2);
/// Bytes of one line of a script, a command with its arguments, or of one value in the menu.
pub const SHELL_LINE: usize = 1024 * 1024;
/// Memory of the bytes that wait to be printed by `--wire`. More are counted and not shown.
pub const WIRE_QUEUE: usize = 4 * 1024 * 1024;
/// Time that the end of a program, and the prompt of the shell, wait until `--wire` has printed everything: a
/// terminal may be stopped.
pub const WIRE_SETTLING: Duration = Duration::from_secs(1);
