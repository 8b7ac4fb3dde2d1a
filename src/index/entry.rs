//! What is known of one document: its lines, and what their holders say of it.

use std::collections::BTreeMap;

use super::lines::Lines;
use super::memory::{self, tree_element};
use super::titles::Titles;
use crate::protocol::{Content, Document, FileName, RfcNumber, Title};

/// Recent descriptions among which an equal one is looked for.
const RECENT: usize = 4;

/// A document, and everything said of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) document: Document,
    pub(super) lines: Lines,
    /// The description in place 0, which most documents have alone. It is stored here, so that a
    /// reader does not wait for the memory of a table first.
    first: Option<Description>,
    /// A tree, because a table would keep the places of descriptions that are gone.
    further: BTreeMap<u32, Description>,
    /// Bytes on the heap of all titles.
    titles: usize,
}

/// What a holder says of a document. Holders mostly agree, and then share one.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) title: Title,
    pub(super) content: Content,
    /// The number of the title in the search structure.
    pub(super) title_id: u32,
    claims: u32,
}

impl Entry {
    pub(super) fn new(document: Document) -> Self {
        Self { document, lines: Lines::default(), first: None, further: BTreeMap::new(), titles: 0 }
    }

    /// Bytes on the heap, and in the table that leads to this entry.
    pub(super) fn bytes(&self) -> usize {
        const FURTHER: usize = tree_element::<u32, Description>();
        let in_tree = match self.document {
            Document::Rfc(_) => tree_element::<RfcNumber, u32>(),
            Document::File(_) => tree_element::<FileName, u32>(),
        };
        in_tree
            + memory::name(&self.document)
            + self.lines.bytes()
            + self.further.len() * FURTHER
            + self.titles
    }

    pub(super) fn description(&self, place: u32) -> Option<&Description> {
        match place {
            0 => self.first.as_ref(),
            _ => self.further.get(&place),
        }
    }

    /// The only description, unless there are several or none.
    pub(super) fn only_description(&self) -> Option<&Description> {
        self.first.as_ref().filter(|_| self.further.is_empty())
    }

    /// The place of a description for one more claim: of an equal one if a recent one is equal.
    /// To compare with all would take long where no two agree.
    ///
    /// `before` is the description that the new one replaces, which has the same title. `place` is
    /// that of this entry.
    pub(super) fn describe(
        &mut self,
        (title, content): (Title, Content),
        before: Option<u32>,
        place: u32,
        titles: &mut Titles,
    ) -> u32 {
        let first = self.first.iter().map(|known| (0, known));
        let further = self.further.iter().rev().take(RECENT).map(|(&place, known)| (place, known));
        let (mut equal, mut same) = (None, None);
        for (place, known) in first.chain(further).filter(|(_, known)| known.title == title) {
            same = Some(known.title_id);
            if known.content == content {
                equal = Some(place);
                break;
            }
        }
        if let Some(place) = equal {
            if let Some(known) = self.description_mut(place) {
                known.claims += 1;
            }
            return place;
        }
        let before = before.and_then(|place| Some(self.description(place)?.title_id));
        let title_id = match before.or(same) {
            Some(id) => {
                titles.share(id);
                id
            }
            None => titles.add(title.clone(), place),
        };
        self.insert(Description { title, content, title_id, claims: 1 })
    }

    /// Forgets a description with its last claim.
    pub(super) fn release(&mut self, place: u32, titles: &mut Titles) {
        let Some(known) = self.description_mut(place) else { return };
        known.claims = known.claims.saturating_sub(1);
        if known.claims == 0 {
            let freed = memory::title(&known.title);
            titles.release(known.title_id);
            self.titles = self.titles.saturating_sub(freed);
            match place {
                0 => self.first = None,
                _ => drop(self.further.remove(&place)),
            }
        }
    }

    fn insert(&mut self, new: Description) -> u32 {
        self.titles += memory::title(&new.title);
        if self.first.is_none() {
            self.first = Some(new);
            return 0;
        }
        let place = self.free_place();
        self.further.insert(place, new);
        place
    }

    /// A place without a description: the one after the last.
    fn free_place(&self) -> u32 {
        let last = self.further.last_key_value().map_or(0, |(&place, _)| place);
        last.checked_add(1).unwrap_or_else(|| {
            // After four billion changes: there are fewer records than places.
            (1..).zip(self.further.keys()).find(|(free, place)| free != *place).map_or(1, |at| at.0)
        })
    }

    fn description_mut(&mut self, place: u32) -> Option<&mut Description> {
        match place {
            0 => self.first.as_mut(),
            _ => self.further.get_mut(&place),
        }
    }
}
