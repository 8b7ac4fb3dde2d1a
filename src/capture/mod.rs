//! Captures of TCP connections as pcapng files, which Wireshark reads.
//!
//! | file | subject |
//! |---|---|
//! | `blocks` | the blocks of a pcapng file |
//! | `packet` | TCP over IPv4 and IPv6 in a packet |
//! | `side` | the sides of a connection |
//! | `recorder` | recording connections of this process |
//! | `shortening` | which bytes of documents are recorded |

mod blocks;
mod packet;
mod recorder;
mod shortening;
mod side;

pub use blocks::{Captured, MAGIC, ReadError, Reader};
pub use packet::{Flags, Packet};
pub use recorder::{Moment, Recorder, Recording, Seen};
pub use side::Side;
