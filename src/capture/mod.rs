//! Captures of TCP connections as pcapng files, which Wireshark reads.
//!
//! | file | subject |
//! |---|---|
//! | `blocks` | the blocks of a pcapng file |
//! | `packet` | TCP over IPv4 and IPv6 in a packet |

mod blocks;
mod packet;

pub use blocks::{Captured, MAGIC, ReadError, Reader};
pub use packet::{Flags, Packet};
