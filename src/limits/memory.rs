//! Memory of an index server and of a peer, in bytes (protocol.md section 7).

use super::{LIST_BUFFER, THREAD_STACK};

/// Least memory of an index server, in bytes: below that it could not serve a classroom.
pub const MEMORY_LEAST: u64 = 16 * 1024 * 1024;
/// Least memory of a peer, in bytes: its lists, and the stacks and buffers of its transfers.
pub const PEER_MEMORY_LEAST: u64 = 24 * 1024 * 1024;
/// Address space of a program before it serves anybody: code, libraries, and the stacks of its own
/// threads.
pub const OWN_ADDRESS_SPACE: u64 = 32 * 1024 * 1024;
/// The writable part of that.
pub const OWN_DATA: u64 = 20 * 1024 * 1024;
/// Used memory of a program before it serves anybody.
pub const OWN_MEMORY: u64 = 8 * 1024 * 1024;
/// Address space for which there is one lookup of a host name at the same time, where it is limited: the
/// stack of its thread has 2 MiB, and downloads that wait for a lookup lose time of their holders.
pub const RESOLVER_ADDRESS_SPACE: u64 = 12 * 1024 * 1024;
/// Memory that the machine is taken to have where the system does not tell.
pub const MEMORY_UNKNOWN: u64 = 1024 * 1024 * 1024;
/// Memory that a connection is counted with: the stack of its thread, and its buffers.
pub const CONNECTION_MEMORY: usize = THREAD_STACK + LIST_BUFFER;
/// Memory that a connection takes in addition in compatibility mode: a reply whose length must be known before
/// it is sent, the same with its prefix, and requests in the words of the grammar.
pub const COMPAT_MEMORY: usize = 3 * LIST_BUFFER;
/// Memory that the records of one connection may take, where there is enough for eight of them.
pub const CONNECTION_RECORDS_MEMORY: usize = 64 * 1024 * 1024;
