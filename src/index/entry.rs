//! What is known of one document: its lines, and what their holders say of it.

use super::lines::Lines;
use super::memory::{self, tree_element};
use super::slots::Slots;
use crate::protocol::{Content, Document, FileName, Title};

/// Recent descriptions among which an equal one is looked for.
const RECENT: usize = 4;

/// A document, and everything said of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) document: Document,
    pub(super) lines: Lines,
    /// That in place 0, and those in the places behind it. Most documents have one, which lies here
    /// so that who looks for it does not wait for the memory of a table first.
    first: Option<Description>,
    further: Slots<Description>,
    /// Bytes on the heap of all titles.
    titles: usize,
}

/// What a holder says of a document. Holders mostly agree, and then share one.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) title: Title,
    pub(super) content: Content,
    claims: u32,
}

impl Entry {
    pub(super) fn new(document: Document) -> Self {
        Self {
            document,
            lines: Lines::default(),
            first: None,
            further: Slots::default(),
            titles: 0,
        }
    }

    /// Bytes on the heap, and in the table that leads to this entry.
    pub(super) fn bytes(&self) -> usize {
        const IN_TREE: usize = tree_element::<FileName, u32>();
        IN_TREE
            + memory::name(&self.document)
            + self.lines.bytes()
            + self.further.bytes()
            + self.titles
    }

    pub(super) fn description(&self, place: u32) -> Option<&Description> {
        match place.checked_sub(1) {
            None => self.first.as_ref(),
            Some(place) => self.further.get(place),
        }
    }

    /// The place of a description for one more claim: of an equal one if there is one that is not
    /// long ago, as looking through all would take its time where no two agree.
    pub(super) fn describe(&mut self, title: Title, content: Content) -> u32 {
        let is_equal = |known: &Description| known.title == title && known.content == content;
        let first = self.first.iter().map(|known| (0, known));
        let further = self.further.last(RECENT).map(|(place, known)| (place + 1, known));
        let equal = first.chain(further).find(|(_, known)| is_equal(known));
        let Some(place) = equal.map(|(place, _)| place) else {
            return self.insert(Description { title, content, claims: 1 });
        };
        if let Some(known) = self.description_mut(place) {
            known.claims += 1;
        }
        place
    }

    /// Forgets a description with its last claim.
    pub(super) fn release(&mut self, place: u32) {
        let Some(known) = self.description_mut(place) else { return };
        known.claims = known.claims.saturating_sub(1);
        if known.claims == 0 {
            let freed = memory::title(&known.title);
            self.titles = self.titles.saturating_sub(freed);
            match place.checked_sub(1) {
                None => self.first = None,
                Some(place) => drop(self.further.remove(place)),
            }
        }
    }

    fn insert(&mut self, new: Description) -> u32 {
        self.titles += memory::title(&new.title);
        if self.first.is_none() {
            self.first = Some(new);
            return 0;
        }
        self.further.insert(new) + 1
    }

    fn description_mut(&mut self, place: u32) -> Option<&mut Description> {
        match place.checked_sub(1) {
            None => self.first.as_mut(),
            Some(place) => self.further.get_mut(place),
        }
    }
}
