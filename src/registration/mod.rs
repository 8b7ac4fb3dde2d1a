//! Staying connected to an index server, and keeping the documents of a peer registered there
//! (protocol.md sections 4.2, 4.6 and 8.5).
//!
//! | file | subject |
//! |---|---|
//! | `membership` | the thread that stays connected and keeps everything registered |

mod membership;

pub use membership::{Announcer, Event, Membership};
