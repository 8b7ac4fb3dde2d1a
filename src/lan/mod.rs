//! Discovery on the local network by multicast DNS (RFC 6762, RFC 6763; docs/lan.md).
//!
//! | file | subject |
//! |---|---|
//! | `service` | the kinds of programs, and a daemon for multicast DNS |
//! | `announcement` | a program that announces itself |
//! | `found` | what another program has announced, parsed and bounded |
//! | `networks` | the networks of this machine, in which announced addresses must be |
//! | `browser`, `search` | finding programs; the same once |
//! | `document_list`, `lists` | the documents that a peer lists; those of all peers |
//! | `source` | the peers as a source of holders |

mod announcement;
mod browser;
mod document_list;
mod found;
mod lists;
mod networks;
mod search;
mod service;
mod source;

pub(crate) use announcement::Announcement;
pub(crate) use found::Found;
pub(crate) use search::search;
pub(crate) use service::{LanError, Service};
pub(crate) use source::LanSource;
