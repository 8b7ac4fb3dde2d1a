//! The records of an index server, their order, and their owners (protocol.md sections 4.5, 4.6,
//! 4.10 and 4.11).
//!
//! [`Index`] is the entry point. Many threads use it at the same time: its lock, and the fairness
//! between threads that wait for the lock, are inside. Below it is plain data: no socket, no lock,
//! no clock.
//!
//! Equal lines of several owners are one line of a list, which remains until its last owner leaves.
//! Sequence numbers order the lines of a document and never repeat, so a position in a list stays
//! valid while records are added and removed.
//!
//! An index may have ten million records, so the tables refer to each other by numbers, and values
//! that many records have are stored once: a record takes a line of twenty bytes in the `Entry` of
//! its document, and twelve bytes with its holder.
//!
//! | file | subject |
//! |---|---|
//! | `shared` | the entry point: batches of records, pages of results, the lock, updates of the search structure |
//! | `records` | the tables together; adding and removing a record |
//! | `capacity`, `room` | limits on records and memory; whether a record may be added |
//! | `documents`, `entry` | from a document to its entry; descriptions and lines of a document |
//! | `descriptions` | all descriptions of a document but the first |
//! | `lines`, `owner_entries` | the lines of an entry; further owners of equal lines |
//! | `holders` | owners, their endpoints, and the lines of each |
//! | `owned` | the records of one owner; moving a record to another owner |
//! | `attributes`, `view` | attributes of a record; a record as readers see it |
//! | `query`, `listing` | what is asked, and how far a reader is; LOOKUP and LIST in steps |
//! | `titles`, `search`, `ranks` | finding titles; a running search; the order of its results |
//! | `searching` | steps of searches; titles that wait for the search structure |
//! | `slots` | tables whose places are numbers |
//! | `memory` | the bytes that all of this takes |

mod attributes;
mod capacity;
mod descriptions;
mod documents;
mod entry;
mod holders;
mod lines;
mod listing;
mod memory;
mod owned;
mod owner_entries;
mod query;
mod ranks;
mod records;
mod room;
mod search;
mod searching;
mod shared;
mod slots;
mod titles;
mod view;

pub use attributes::Attributes;
pub use capacity::{Capacity, Full};
pub use holders::{Announced, Owner, Renewal};
pub use memory::Charge;
pub use shared::{Addition, Cursor, Form, Index, Page};
pub use view::RecordView;

#[cfg(test)]
mod tests;
