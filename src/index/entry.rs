//! One document in the index: its lines, and the attributes that their holders announce
//! (protocol.md section
//! 4.5).

use super::descriptions::{Description, Descriptions};
use super::lines::{Line, Lines, Seq};
use super::memory::{self, tree_element};
use super::titles::Titles;
use crate::protocol::{Content, Document, FileName, RfcNumber, Title};

/// Recent descriptions among which an equal one is looked for.
const RECENT: usize = 4;

/// A document, its lines, and the descriptions by its holders.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) document: Document,
    pub(super) lines: Lines,
    /// The description in place 0, which is the only one of most documents. It is stored here, so
    /// that a reader does not wait for the memory of a table.
    first: Option<Description>,
    further: Option<Box<Descriptions>>,
    /// Bytes on the heap of all titles.
    titles: usize,
}

impl Entry {
    pub(super) fn new(document: Document) -> Self {
        Self { document, lines: Lines::default(), first: None, further: None, titles: 0 }
    }

    /// Bytes on the heap, and in the table that leads to this entry.
    pub(super) fn bytes(&self) -> usize {
        let in_tree = match self.document {
            Document::Rfc(_) => tree_element::<RfcNumber, u32>(),
            Document::File(_) => tree_element::<FileName, u32>(),
        };
        in_tree
            + memory::name(&self.document)
            + self.lines.bytes()
            + self.further.as_ref().map_or(0, |further| further.bytes())
            + self.titles
    }

    pub(super) fn description(&self, place: u32) -> Option<&Description> {
        match place {
            0 => self.first.as_ref(),
            _ => self.further.as_ref()?.get(place),
        }
    }

    /// The only description, unless there are several or none.
    pub(super) fn only_description(&self) -> Option<&Description> {
        self.first.as_ref().filter(|_| self.further.is_none())
    }

    /// The numbers of the titles of all descriptions.
    pub(super) fn all_title_ids(&self) -> impl Iterator<Item = u32> {
        let further = self.further.iter().flat_map(|further| further.last(usize::MAX));
        self.first.iter().chain(further.map(|(_, known)| known)).map(|known| known.title_id)
    }

    /// Adds a line that is newer than all others.
    pub(super) fn push_line(&mut self, line: Line) {
        let Self { lines, first, further, .. } = self;
        lines.push(line, |place| match place {
            0 => Some(first.as_ref()?.title_id),
            _ => Some(further.as_ref()?.get(place)?.title_id),
        });
    }

    /// The shown description of a line has changed.
    pub(super) fn line_has_changed(&mut self, seq: Seq) {
        let place = self.lines.get(seq).map(|line| line.first.description);
        if let Some(id) = place.and_then(|place| Some(self.description(place)?.title_id)) {
            self.lines.set_title(seq, id);
        }
    }

    /// The number of the title in each place. Places are asked for in about descending order.
    pub(super) fn title_ids(&self) -> impl FnMut(u32) -> Option<u32> {
        let first = self.first.as_ref().map(|first| first.title_id);
        let mut further = self.further.as_ref().map(|further| further.title_ids());
        move |place| match place {
            0 => first,
            _ => further.as_mut()?.get(place),
        }
    }

    /// Returns the place of a description that one more owner uses: an equal recent description if
    /// there is one, else a new one. Not all descriptions are compared, because that would take
    /// long when all differ.
    ///
    /// `before` is the description that the new one replaces. It has the same title. `place` is the
    /// place of this entry.
    pub(super) fn describe(
        &mut self,
        (title, content): (Title, Content),
        before: Option<u32>,
        place: u32,
        titles: &mut Titles,
    ) -> u32 {
        if let Some(first) = &mut self.first
            && first.content == content
            && first.title == title
        {
            // The most frequent case.
            first.uses += 1;
            return 0;
        }
        let first = self.first.iter().map(|known| (0, known));
        let further = self.further.iter().flat_map(|further| further.last(RECENT));
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
                known.uses += 1;
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
        self.insert(Description { title, content, title_id, uses: 1 })
    }

    /// Ends one use of a description. A description is removed with its last use.
    pub(super) fn release(&mut self, place: u32, titles: &mut Titles) {
        let Some(known) = self.description_mut(place) else { return };
        known.uses = known.uses.saturating_sub(1);
        if known.uses == 0 {
            let freed = memory::title(&known.title);
            titles.release(known.title_id);
            self.titles = self.titles.saturating_sub(freed);
            match place {
                0 => self.first = None,
                _ => self.remove_further(place),
            }
        }
    }

    fn insert(&mut self, new: Description) -> u32 {
        self.titles += memory::title(&new.title);
        if self.first.is_none() {
            self.first = Some(new);
            return 0;
        }
        self.further.get_or_insert_default().push(new)
    }

    fn remove_further(&mut self, place: u32) {
        if let Some(further) = &mut self.further {
            further.remove(place);
            if further.is_empty() {
                self.further = None;
            }
        }
    }

    fn description_mut(&mut self, place: u32) -> Option<&mut Description> {
        match place {
            0 => self.first.as_mut(),
            _ => self.further.as_mut()?.get_mut(place),
        }
    }
}
