//! LOOKUP and LIST in steps, between which the index may change (protocol.md sections 4.3 to 4.5).

use super::descriptions::Description;
use super::entry::Entry;
use super::lines::{Line, OwnerEntry};
use super::query::{Position, Query};
use super::records::Records;
use super::view::RecordView;
use crate::protocol::BorrowedRecord;

impl Records {
    /// Passes the records of a query after a position to `take`, in the order of a list
    /// (protocol.md section 4.5): by document, and for one document the newest first.
    ///
    /// `take` returns whether it accepts another record. Returns `true` when there are no more
    /// records. Otherwise the position is after the last record that was taken. Between two visits
    /// the index may change: a record that stays is taken exactly once.
    pub(super) fn visit<'a>(
        &'a self,
        query: &Query,
        position: &mut Position,
        mut take: impl FnMut(RecordView<'a>) -> bool,
    ) -> bool {
        let reached = std::mem::take(position);
        let visit_entry = |entry| {
            let Some(entry) = self.entries.get(entry) else { return true };
            let seen = reached.seen(&entry.document);
            for piece in entry.lines.pieces(seen) {
                for line in piece.iter().rev() {
                    if self.view(entry, line).is_some_and(|view| !take(view)) {
                        *position = Position::after(&entry.document, line.seq);
                        return false;
                    }
                }
            }
            true
        };
        let listing = match query {
            Query::Document(document) => {
                return self.documents.find(document).is_none_or(visit_entry);
            }
            Query::Listing(listing) => Some(*listing),
            Query::All => None,
        };
        self.documents.of(listing, &reached).all(visit_entry)
    }

    pub(super) fn view<'a>(&'a self, entry: &'a Entry, line: &Line) -> Option<RecordView<'a>> {
        let OwnerEntry { holder, description, added } = line.first;
        let Description { title, content, .. } = entry.description(description)?;
        let (holder, end, address) = self.holders.identity(holder)?;
        let record = BorrowedRecord { document: &entry.document, title, holder };
        Some(RecordView { record, end, content, added, address })
    }
}
