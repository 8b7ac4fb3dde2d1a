//! A running peer: what it shares, its way to the index, and the signals that end it.
//!
//! | file | subject |
//! |---|---|
//! | `sharing`, `events` | the threads that share a directory; what registrations report |
//! | `share_claim` | other sessions of the same directory |
//! | `index_access` | how a command reaches the index |
//! | `interrupt`, `signals` | Ctrl-C; SIGINT, SIGTERM and SIGHUP |
//! | `ending` | the end of a session, which waits for uploads |
//! | `downloads` | what downloads in the background need |
//! | `resume`, `background` | downloads of an earlier run; those that were requested while the session runs |

pub(super) mod background;
pub(super) mod downloads;
pub(super) mod ending;
pub(super) mod events;
pub(super) mod index_access;
pub(super) mod interrupt;
pub(super) mod resume;
pub(super) mod share_claim;
pub(super) mod sharing;
pub(super) mod signals;
