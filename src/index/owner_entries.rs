//! The owners that have added a line, and which of them a list shows while several owners have it
//! (protocol.md section 4.6).

use super::attributes::seconds;
use super::lines::{Line, OwnerEntry, Seq, owner_entry_of};
use super::memory;
use super::ranks::Ranks;
use super::records::Records;
use crate::protocol::{Content, Date, Title};

impl Records {
    /// Gives a holder a record of an entry: the equal line of another owner if there is one, else a
    /// new line.
    pub(super) fn attach(
        &mut self,
        entry: u32,
        holder: u32,
        title: Title,
        content: Content,
        added: Date,
    ) {
        let mut same = self.holders.seqs_of_same(holder, entry);
        let equal = same.find(|&seq| self.title(entry, seq) == Some(&title));
        drop(same);
        let Some(document) = self.entries.get_mut(entry) else { return };
        let before = document.bytes();
        let description = document.describe((title, content), None, entry, &mut self.titles);
        let new = OwnerEntry { holder, description, added: seconds(added) };
        let seq = match equal {
            Some(seq) => {
                let others = self.others.entry(seq).or_default();
                let before = memory::list(others);
                if others.is_empty() {
                    // Most lists have one element.
                    others.reserve_exact(1);
                }
                others.push(new);
                self.heap = (self.heap + memory::list(others)).saturating_sub(before);
                seq
            }
            None => {
                let seq = Seq(self.next_seq);
                self.next_seq += 1;
                document.push_line(Line { seq, first: new });
                self.ranks.add(entry);
                seq
            }
        };
        self.heap = (self.heap + document.bytes()).saturating_sub(before);
        self.holders.add_line(holder, entry, seq);
        self.count += 1;
    }

    pub(super) fn title(&self, entry: u32, seq: Seq) -> Option<&Title> {
        let entry = self.entries.get(entry)?;
        Some(&entry.description(entry.lines.get(seq)?.first.description)?.title)
    }

    /// Replaces the content that an owner announces for its record. The title is the same.
    pub(super) fn replace_content(
        &mut self,
        entry: u32,
        holder: u32,
        seq: Seq,
        title: Title,
        content: Content,
    ) {
        let Self { entries, others, titles, .. } = self;
        let Some(document) = entries.get_mut(entry) else { return };
        let bytes = document.bytes();
        let mut others = others.get_mut(&seq);
        let own = owner_entry_of(holder, document.lines.get_mut(seq), others.as_deref_mut());
        let Some(before) = own.map(|own| own.description) else { return };
        let new = document.describe((title, content), Some(before), entry, titles);
        if let Some(own) = owner_entry_of(holder, document.lines.get_mut(seq), others) {
            own.description = new;
        }
        document.line_has_changed(seq);
        document.release(before, titles);
        self.heap = (self.heap + document.bytes()).saturating_sub(bytes);
    }

    /// Removes a holder's record of an entry. The line is removed with its last owner. Returns what
    /// the owner had announced.
    pub(super) fn detach(&mut self, entry: u32, holder: u32, seq: Seq) -> Option<OwnerEntry> {
        let removed = self.detach_from_entry(entry, holder, seq)?;
        self.holders.remove_line(holder, entry);
        Some(removed)
    }

    /// Does what [`Records::detach`] does, except for the holder's list of lines.
    pub(super) fn detach_from_entry(
        &mut self,
        entry: u32,
        holder: u32,
        seq: Seq,
    ) -> Option<OwnerEntry> {
        let before = self.entries.get(entry)?.bytes();
        let removed = self.remove_owner_entry(entry, holder, seq)?;
        let document = self.entries.get_mut(entry)?;
        document.release(removed.description, &mut self.titles);
        if document.lines.is_empty() {
            self.documents.remove(&document.document);
            self.entries.remove(entry);
            self.ranks.leave(entry);
            if self.entries.is_empty() {
                self.ranks = Ranks::default();
            }
            self.heap = self.heap.saturating_sub(before);
        } else {
            self.heap = (self.heap + document.bytes()).saturating_sub(before);
        }
        self.count = self.count.saturating_sub(1);
        Some(removed)
    }

    /// Removes the owner entry of a holder from a line. If it was shown, the next one is shown
    /// then. The line is removed with its last owner entry.
    fn remove_owner_entry(&mut self, entry: u32, holder: u32, seq: Seq) -> Option<OwnerEntry> {
        let document = self.entries.get_mut(entry)?;
        let Some(others) = self.others.get_mut(&seq) else {
            let line = document.lines.remove(seq)?;
            self.ranks.take(entry);
            return Some(line.first);
        };
        let before = memory::list(others);
        let first = &mut document.lines.get_mut(seq)?.first;
        let removed = match others.iter().position(|other| other.holder == holder) {
            Some(at) => others.remove(at),
            None => std::mem::replace(first, others.remove(0)),
        };
        document.line_has_changed(seq);
        memory::shrink_list(others);
        self.heap = (self.heap + memory::list(others)).saturating_sub(before);
        if others.is_empty() {
            self.others.remove(&seq);
            memory::shrink(&mut self.others);
        }
        Some(removed)
    }
}
