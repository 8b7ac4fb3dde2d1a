//! The last ADD or REMOVE of each document, and the reply of the index (protocol.md sections 8.4 and
//! 8.5). Only replies of the index change it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher};
use std::time::Instant;

use super::waiting::Waiting;
use crate::limits;
use crate::protocol::{Document, Refusal, Title};

/// The state of a document that one request announces.
#[derive(Clone, Debug)]
pub(super) struct Announcement {
    pub(super) document: Document,
    pub(super) change: Change,
    /// The title in an ADD.
    title: Title,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// An ADD, as a hash of its bytes.
    Add(u64),
    Remove,
}

/// An announcement, and why the index refused it, if it did.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) announcement: Announcement,
    pub(super) refused: Option<Refusal>,
}

/// The replies of the index to the ADDs of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// The last ADD that it accepted.
    Accepted(u64),
    /// It has accepted no ADD.
    Refused(Refusal),
}

/// What an index has replied to the ADD of a document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Announced {
    /// The index has accepted it.
    Registered,
    /// The index has refused it.
    Refused(Refusal),
    /// There is no reply: the peer is not connected, or the document is added later.
    NotYet,
}

impl Announced {
    /// The state with two index servers: what one has accepted is registered.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Registered, _) | (_, Self::Registered) => Self::Registered,
            (Self::NotYet, other) => other,
            (refused, _) => refused,
        }
    }
}

/// The replies of the index on the present connection.
#[derive(Debug)]
pub(super) struct Ledger {
    /// With the titles of accepted documents.
    standings: HashMap<Document, (Standing, Title)>,
    waiting: Waiting,
    /// Documents whose ADD was answered by a refusal and more: they are not added again, as long as
    /// the index has shown no extension.
    harmful: BTreeMap<Document, Refusal>,
    /// Documents that a user is about to remove. The user sees the reply, so no other thread sends the REMOVE.
    typed_removals: BTreeSet<Document>,
}

impl Announcement {
    /// An ADD, encoded as these bytes.
    pub(super) fn add(document: Document, title: Title, request: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(request);
        Self { document, change: Change::Add(hasher.finish()), title }
    }

    /// A REMOVE.
    pub(super) fn remove(document: Document) -> Self {
        Self { document, change: Change::Remove, title: Title::default() }
    }
}

impl Ledger {
    pub(super) fn new(limits: limits::Registration) -> Self {
        let waiting = Waiting::new(limits);
        Self {
            standings: HashMap::new(),
            waiting,
            harmful: BTreeMap::new(),
            typed_removals: BTreeSet::new(),
        }
    }

    /// Records a reply of the index.
    pub(super) fn record(&mut self, announcement: &Announcement, refused: Option<Refusal>) {
        let document = &announcement.document;
        match (announcement.change, refused) {
            (Change::Add(request), None) => {
                let standing = (Standing::Accepted(request), announcement.title.clone());
                self.standings.insert(document.clone(), standing);
                self.waiting.remove(document);
            }
            (Change::Add(_), Some(refusal)) => {
                // The index keeps the record that it accepted before.
                let before = self.standings.get(document);
                if !matches!(before, Some((Standing::Accepted(_), _))) {
                    let standing = (Standing::Refused(refusal), Title::default());
                    self.standings.insert(document.clone(), standing);
                }
                match refusal {
                    Refusal::ServiceUnavailable => self.wait_for(document.clone()),
                    _ => self.waiting.remove(document),
                }
            }
            (Change::Remove, None | Some(Refusal::NotFound)) => self.forget(document),
            // The index keeps the record.
            (Change::Remove, Some(Refusal::ServiceUnavailable)) => self.wait_for(document.clone()),
            (Change::Remove, Some(_)) => self.waiting.remove(document),
        }
    }

    /// Retries a document later.
    pub(super) fn wait_for(&mut self, document: Document) {
        self.waiting.insert(document, Instant::now());
    }

    /// Excludes a document from further ADDs, because more than one reply has followed its ADD.
    pub(super) fn refuse_to_add(&mut self, document: Document, refusal: Refusal) {
        self.waiting.remove(&document);
        self.harmful.insert(document, refusal);
    }

    /// Permits ADDs of a document again.
    pub(super) fn admit(&mut self, document: &Document) {
        self.harmful.remove(document);
    }

    /// Leaves the REMOVE of a document to the user, or no longer.
    pub(super) fn leave_to_user(&mut self, document: &Document, is_left: bool) {
        match is_left {
            true => self.typed_removals.insert(document.clone()),
            false => self.typed_removals.remove(document),
        };
    }

    /// Whether more than one reply has followed the ADD of a document.
    pub(super) fn is_harmful(&self, document: &Document) -> bool {
        self.harmful.contains_key(document)
    }

    /// The number of documents whose last ADD was accepted.
    pub(super) fn accepted(&self) -> usize {
        let accepted =
            |(standing, _): &&(Standing, Title)| matches!(standing, Standing::Accepted(_));
        self.standings.values().filter(accepted).count()
    }

    /// The standing of a document.
    pub(super) fn standing(&self, document: &Document) -> Option<Standing> {
        let harmful = self.harmful.get(document).copied().map(Standing::Refused);
        self.standings.get(document).map(|(standing, _)| *standing).or(harmful)
    }

    /// What the index has replied about a document.
    pub(super) fn announced(&self, document: &Document) -> Announced {
        match self.standing(document) {
            Some(Standing::Accepted(_)) => Announced::Registered,
            Some(Standing::Refused(refusal)) => Announced::Refused(refusal),
            None => Announced::NotYet,
        }
    }

    /// The title with which the index has accepted a document last.
    pub(super) fn accepted_title(&self, document: &Document) -> Option<Title> {
        match self.standings.get(document)? {
            (Standing::Accepted(_), title) => Some(title.clone()),
            (Standing::Refused(_), _) => None,
        }
    }

    /// Whether a request has to be sent that no user has typed. An index that has shown an extension is
    /// sent every change; another index is sent an ADD again only after a 503.
    pub(super) fn must_send(&self, announcement: &Announcement, shows_extensions: bool) -> bool {
        let document = &announcement.document;
        match (announcement.change, shows_extensions) {
            (Change::Remove, shows_extensions) => {
                shows_extensions && !self.typed_removals.contains(document)
            }
            (Change::Add(request), true) => {
                let standing = self.standings.get(document).map(|(standing, _)| *standing);
                standing != Some(Standing::Accepted(request))
            }
            (Change::Add(_), false) => matches!(
                self.standing(document),
                None | Some(Standing::Refused(Refusal::ServiceUnavailable))
            ),
        }
    }

    /// No request for a document is waiting.
    pub(super) fn settle(&mut self, document: &Document) {
        self.waiting.remove(document);
    }

    /// Records that the index has no record of a document.
    pub(super) fn forget(&mut self, document: &Document) {
        self.standings.remove(document);
        self.waiting.remove(document);
    }

    /// Whether no document was announced.
    pub(super) fn is_empty(&self) -> bool {
        self.standings.is_empty() && self.waiting.is_empty()
    }

    /// Documents that are retried.
    pub(super) fn waiting(&mut self) -> &mut Waiting {
        &mut self.waiting
    }

    /// Starts a new connection; returns the documents that were accepted on the last one.
    pub(super) fn clear(&mut self) -> Vec<Announcement> {
        self.waiting.clear();
        let accepted = |(document, (standing, title))| match standing {
            Standing::Accepted(request) => {
                Some(Announcement { document, change: Change::Add(request), title })
            }
            Standing::Refused(_) => None,
        };
        self.standings.drain().filter_map(accepted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Option<Refusal> = Some(Refusal::ServiceUnavailable);
    const BAD: Option<Refusal> = Some(Refusal::BadRequest);

    fn rfc(number: u32) -> Document {
        Document::Rfc(number.to_string().parse().unwrap())
    }

    fn add(number: u32, request: &[u8]) -> Announcement {
        Announcement::add(rfc(number), Title::default(), request)
    }

    #[test]
    fn only_replies_count() {
        let mut ledger = Ledger::new(limits::Registration::DEFAULT);
        let (first, second) = (add(1, b"a"), add(1, b"b"));
        assert!(ledger.must_send(&first, true) && ledger.must_send(&first, false));
        ledger.record(&first, None);
        assert!(!ledger.must_send(&first, true) && ledger.must_send(&second, true));
        assert!(!ledger.must_send(&second, false), "sent once");
        // The index still has what it accepted before.
        ledger.record(&second, BAD);
        assert!(!ledger.must_send(&first, true) && ledger.must_send(&second, true));
        // A REMOVE that was refused has removed nothing; after a 503 it is sent again.
        ledger.record(&Announcement::remove(rfc(1)), BAD);
        assert!(!ledger.must_send(&first, true) && ledger.waiting().is_empty());
        ledger.record(&Announcement::remove(rfc(1)), FULL);
        assert!(!ledger.must_send(&first, true) && ledger.waiting().contains(&rfc(1)));
        ledger.record(&Announcement::remove(rfc(1)), None);
        assert!(ledger.waiting().is_empty());
        assert!(ledger.must_send(&first, true) && ledger.must_send(&first, false));
    }

    #[test]
    fn a_removal_that_a_user_types_is_sent_once() {
        let mut ledger = Ledger::new(limits::Registration::DEFAULT);
        let removal = Announcement::remove(rfc(1));
        ledger.record(&add(1, b"a"), None);
        ledger.leave_to_user(&rfc(1), true);
        assert!(!ledger.must_send(&removal, true));
        assert!(ledger.must_send(&Announcement::remove(rfc(2)), true));
        assert!(ledger.must_send(&add(1, b"b"), true));
        ledger.leave_to_user(&rfc(1), false);
        assert!(ledger.must_send(&removal, true) && !ledger.must_send(&removal, false));
    }

    #[test]
    fn a_refused_document_is_tried_again_only_after_503() {
        let mut ledger = Ledger::new(limits::Registration::DEFAULT);
        for number in 1..=5 {
            ledger.record(&add(number, b"a"), FULL);
        }
        assert!(ledger.must_send(&add(1, b"a"), false));
        ledger.record(&add(1, b"a"), BAD);
        assert!(!ledger.must_send(&add(1, b"a"), false));
        ledger.record(&add(2, b"a"), None);
        ledger.record(&Announcement::remove(rfc(3)), Some(Refusal::NotFound));
        ledger.refuse_to_add(rfc(4), Refusal::BadRequest);
        assert_eq!(ledger.waiting().some(9), [rfc(5)]);
        ledger.settle(&rfc(5));
        assert!(ledger.waiting().is_empty());
        // Documents whose ADD harms the server are remembered, also on the next connection.
        ledger.clear();
        assert!(!ledger.must_send(&add(4, b"a"), false) && ledger.must_send(&add(4, b"a"), true));
    }

    #[test]
    fn replies_about_a_document_are_shown() {
        let mut ledger = Ledger::new(limits::Registration::DEFAULT);
        ledger.record(&add(1, b"a"), None);
        ledger.record(&add(2, b"a"), BAD);
        let refused = Announced::Refused(Refusal::BadRequest);
        let found = [1, 2, 3].map(|number| ledger.announced(&rfc(number)));
        assert_eq!(found, [Announced::Registered, refused, Announced::NotYet]);
        assert_eq!(refused.or(Announced::Registered), Announced::Registered);
        assert_eq!(Announced::NotYet.or(refused), refused);
    }
}
