//! Discovery on the local network by multicast DNS (RFC 6762, RFC 6763; docs/lan.md).
//!
//! | file | subject |
//! |---|---|
//! | `service` | the kinds of programs, and a daemon for multicast DNS |
//! | `announcement` | a program that announces itself |
//! | `found` | what another program has announced, parsed and bounded |
//! | `networks` | the networks of this machine, in which announced addresses must be |
//! | `search` | finding programs |

mod announcement;
mod found;
mod networks;
mod search;
mod service;

pub(crate) use announcement::Announcement;
pub(crate) use found::Found;
pub(crate) use search::search;
pub(crate) use service::Service;
