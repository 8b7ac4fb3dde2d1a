//! Steps of searches, and the titles that wait for the search structure (protocol.md section 4.10).

use super::search::tables::Tables;
use super::{Index, Search, Shown};
use crate::protocol::Document;

impl Index {
    /// Does the next step of a search, and hands records to `take`, which returns whether it wants
    /// more. Returns `true` when the search is finished. Between two steps the index may change: a
    /// record that stays is taken exactly once.
    ///
    /// Finds what was added before the last [`Index::catch_up`].
    pub fn search<'a>(
        &'a self,
        search: &mut Search,
        mut take: impl FnMut(Shown<'a>) -> bool,
    ) -> bool {
        let Self { titles, ranks, entries, documents, .. } = self;
        search.step(Tables { titles, ranks, entries, documents }, &mut |entry, line| {
            self.shown(entry, line).is_none_or(&mut take)
        })
    }

    /// An upper bound of the titles that [`Index::catch_up`] has still to enter or remove.
    pub fn behind(&self) -> usize {
        self.titles.behind()
    }

    /// Enters into the search structure, or removes from it, at most `most` queued titles.
    /// Returns their number. While the memory limit is exceeded, titles are removed and none is entered.
    pub fn catch_up(&mut self, most: usize) -> usize {
        let others = self.bytes().saturating_sub(self.titles.bytes());
        let limit = self.max_bytes.saturating_sub(others);
        let Self { titles, ranks, entries, .. } = self;
        let name_of = |entry| match &entries.get(entry)?.document {
            Document::File(name) => Some(name),
            Document::Rfc(_) => None,
        };
        titles.catch_up(most, limit, |entry| ranks.order(entry, name_of))
    }

    /// Enters a few titles when very many wait.
    pub(super) fn catch_up_if_behind(&mut self) {
        /// Titles that are entered for one that is added.
        const TITLES: usize = 2;
        if self.titles.is_behind() {
            self.catch_up(TITLES);
        }
    }

    /// Bytes of memory that searches take beyond the records.
    pub fn search_bytes(&self) -> usize {
        self.titles.bytes() + self.ranks.bytes()
    }
}
