//! The tables that a search reads, and the receiver of its records (protocol.md section 4.10).

use crate::index::documents::Documents;
use crate::index::entry::Entry;
use crate::index::lines::Line;
use crate::index::ranks::Ranks;
use crate::index::slots::Slots;
use crate::index::titles::Titles;

/// The cost of visiting a record, in titles.
pub(super) const RECORD: usize = 8;

/// The tables of an index that a search reads.
#[derive(Clone, Copy)]
pub(in crate::index) struct Tables<'a> {
    pub(in crate::index) titles: &'a Titles,
    pub(in crate::index) ranks: &'a Ranks,
    pub(in crate::index) entries: &'a Slots<Entry>,
    pub(in crate::index) documents: &'a Documents,
}

/// Receives a line of an entry. Returns whether it accepts another line.
pub(super) type Take<'t, 'a> = &'t mut dyn FnMut(&'a Entry, &'a Line) -> bool;
