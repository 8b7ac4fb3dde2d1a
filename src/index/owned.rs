//! The records of one owner, and moving a record to another owner.

use super::attributes::{Attributes, date};
use super::capacity::Full;
use super::lines::{OwnerEntry, Seq};
use super::memory::Charge;
use super::records::Records;
use super::{Owner, Renewal};
use crate::protocol::{BorrowedRecord, Document, Endpoint, Record};

/// Owners of an equal record that are returned.
const EQUAL: usize = 4;

/// The place of a record of an owner: its holder, its entry, and its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnedLine(u32, u32, Seq);

impl Records {
    /// The places of the records of an owner, the oldest first.
    pub(super) fn owned_lines(&self, owner: Owner) -> Vec<OwnedLine> {
        let mut lines = self.holders.lines_of(owner);
        lines.sort_unstable_by_key(|&(_, _, seq)| seq);
        lines.into_iter().map(|(holder, entry, seq)| OwnedLine(holder, entry, seq)).collect()
    }

    /// The record at a place; `None` if it was removed since.
    pub(super) fn owned(&self, owner: Owner, line: OwnedLine) -> Option<(Record, Attributes)> {
        let OwnedLine(holder, entry, seq) = line;
        if !self.holders.belongs_to(holder, owner) {
            return None;
        }
        let document = self.entries.get(entry)?;
        let first = document.lines.get(seq)?.first;
        let entries = self.others.get(&seq).into_iter().flatten();
        let mut entries = std::iter::once(&first).chain(entries);
        let OwnerEntry { description, added, .. } = *entries.find(|own| own.holder == holder)?;
        let description = document.description(description)?;
        let (endpoint, _, address) = self.holders.identity(holder)?;
        let (title, content) = (description.title.clone(), description.content);
        let record =
            Record { document: document.document.clone(), title, holder: endpoint.clone() };
        Some((record, Attributes { content, added: date(added), address }))
    }

    /// The record of an owner for a document and an endpoint.
    pub(super) fn record_of(
        &self,
        owner: Owner,
        document: &Document,
        endpoint: &Endpoint,
    ) -> Option<(Record, Attributes)> {
        let entry = self.documents.find(document)?;
        let holder = self.holders.find(owner, endpoint)?;
        let seq = self.holders.seq(holder, entry)?;
        self.owned(owner, OwnedLine(holder, entry, seq))
    }

    /// Some owners of records that are equal to this one, and that another owner has; the one that a
    /// list shows first.
    pub(super) fn owners_of_equal(&self, owner: Owner, record: BorrowedRecord<'_>) -> Vec<Owner> {
        let find = || {
            let entry = self.documents.find(record.document)?;
            let mut seqs = self.holders.seqs_at(record.holder, entry);
            let seq = seqs.find(|&seq| self.title(entry, seq) == Some(record.title))?;
            let first = self.entries.get(entry)?.lines.get(seq)?.first;
            let others = self.others.get(&seq).into_iter().flatten();
            let entries = std::iter::once(&first).chain(others);
            let owners = entries.filter_map(|entry| self.holders.owner(entry.holder));
            Some(owners.filter(|&other| other != owner).take(EQUAL).collect())
        };
        find().unwrap_or_default()
    }

    /// Makes a record the newest of its document, and changes its owner.
    pub(super) fn renew(
        &mut self,
        Renewal { from, to }: Renewal,
        record: Record,
        attributes: Attributes,
    ) -> Result<usize, Full> {
        self.remove(from, &record.document, &record.holder);
        let charge = Charge::of(&record);
        self.add_charged(to, record, charge, attributes)
    }
}
