//! Steps of searches, and the titles that wait for the search structure (protocol.md section 4.10).

use super::records::Records;
use super::search::Search;
use super::search::tables::Tables;
use super::view::RecordView;
use crate::protocol::Document;

impl Records {
    /// Does the next step of a search, and passes records to `take`, which returns whether it
    /// accepts another record. Returns `true` when the search is finished. Between two steps the
    /// index may change: a record that stays is taken exactly once.
    ///
    /// Finds what was added before the last [`Records::update_search`].
    pub(super) fn search<'a>(
        &'a self,
        search: &mut Search,
        mut take: impl FnMut(RecordView<'a>) -> bool,
    ) -> bool {
        let Self { titles, ranks, entries, documents, .. } = self;
        search.step(Tables { titles, ranks, entries, documents }, &mut |entry, line| {
            self.view(entry, line).is_none_or(&mut take)
        })
    }

    /// An upper bound of the titles that [`Records::update_search`] has still to enter or remove.
    pub(super) fn queued_titles(&self) -> usize {
        self.titles.queued()
    }

    /// Enters into the search structure, or removes from it, at most `most` queued titles. Returns
    /// their number. While the memory limit is exceeded, titles are removed and none is entered.
    pub(super) fn update_search(&mut self, most: usize) -> usize {
        let limit = self.search_limit();
        let Self { titles, ranks, entries, .. } = self;
        let name_of = |entry| match &entries.get(entry)?.document {
            Document::File(name) => Some(name),
            Document::Rfc(_) => None,
        };
        titles.update(most, limit, |entry| ranks.order(entry, name_of))
    }

    /// Whether [`Records::update_search`] can do anything. While the memory limit is exceeded, titles that
    /// were held back are not entered.
    pub(super) fn has_updates(&self) -> bool {
        self.titles.has_updates(|| self.search_limit())
    }

    /// Bytes that the titles and the search structure may take.
    fn search_limit(&self) -> usize {
        let others = self.bytes().saturating_sub(self.titles.bytes());
        self.capacity.bytes.saturating_sub(others)
    }

    /// Enters a few titles when very many wait.
    pub(super) fn shorten_queue(&mut self) {
        /// Titles that are entered for one that is added.
        const TITLES: usize = 2;
        if self.titles.is_queue_full() {
            self.update_search(TITLES);
        }
    }

    /// Bytes of memory that searches take beyond the records.
    pub(super) fn search_bytes(&self) -> usize {
        self.titles.bytes() + self.ranks.bytes()
    }
}
