//! Who has what: the records, their order, and to whom they belong (protocol.md sections 4.5
//! and 4.6).
//!
//! Plain data: no socket, no lock, no clock. The server shares one [`Index`] between its sessions;
//! each change is complete when its method returns.
//!
//! Equal lines of several owners are one line of a list, which lives until its last owner leaves. Ages
//! order the lines of a document and never repeat, so a position in a list stays meaningful
//! whatever is added or removed meanwhile.

mod holders;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::limits;
use crate::protocol::{
    Attribute, BorrowedRecord, Content, Date, Document, Endpoint, Listing, Record, RfcNumber, Title,
};
use holders::{Claim, Holders};

/// A connection: what it adds belongs to it, and to nobody else.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Owner(pub u64);

/// When a line was added: counts up, never repeats.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Age(u64);

/// What is known of a record beside its line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attributes {
    /// Which bytes its holder says to have.
    pub content: Content,
    /// When it was added first.
    pub added: Date,
}

impl Attributes {
    /// Those that are known.
    pub fn iter(&self) -> impl Iterator<Item = Attribute> {
        let digest = self.content.digest.map(Attribute::Digest);
        let length = self.content.length.map(Attribute::Length);
        digest.into_iter().chain(length).chain([Attribute::Added(self.added)])
    }
}

/// What a reader asks for.
#[derive(Clone, Debug)]
pub enum Query {
    /// The records of one document.
    Document(Document),
    /// All records of a kind.
    Listing(Listing),
    /// All records.
    All,
}

/// How far a reader has come in the records of a [`Query`].
#[derive(Clone, Debug, Default)]
pub struct Position(Option<(Document, Age)>);

/// A record was not added because a limit is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Full {
    /// This owner has as many records as one may have.
    #[error("expected at most {0} records from one connection, found one more")]
    Owner(usize),
    /// The index has as many records as it may have.
    #[error("expected at most {0} records in all, found one more")]
    Index(usize),
}

/// The records of all connections.
#[derive(Debug)]
pub struct Index {
    documents: BTreeMap<Document, Holders>,
    owners: HashMap<Owner, Holdings>,
    records: usize,
    next_age: u64,
    max_records: usize,
    max_records_of_owner: usize,
}

/// What one owner has added, and where its lines are.
#[derive(Debug, Default)]
struct Holdings {
    ages: BTreeMap<(Document, Arc<Endpoint>), Age>,
    /// Most owners name one endpoint, which all their lines share.
    endpoint: Option<Arc<Endpoint>>,
}

impl Default for Index {
    fn default() -> Self {
        Self::with_limits(limits::RECORDS, limits::RECORDS_PER_CONNECTION)
    }
}

impl Index {
    /// An empty index that takes so many records in all, and from one owner.
    pub fn with_limits(max_records: usize, max_records_of_owner: usize) -> Self {
        Self {
            documents: BTreeMap::new(),
            owners: HashMap::new(),
            records: 0,
            next_age: 0,
            max_records,
            max_records_of_owner,
        }
    }

    /// How many records there are; equal lines of several owners count for each.
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Adds a record, or replaces title and content of one's own for the same document and
    /// endpoint; that keeps the time at which it was added first.
    ///
    /// # Errors
    /// When a limit is reached; then nothing has changed.
    pub fn add(
        &mut self,
        owner: Owner,
        record: Record,
        attributes: Attributes,
    ) -> Result<(), Full> {
        let Record { document, title, holder } = record;
        let holdings = self.owners.entry(owner).or_default();
        let endpoint = match &holdings.endpoint {
            Some(endpoint) if **endpoint == holder => Arc::clone(endpoint),
            _ => Arc::clone(holdings.endpoint.insert(Arc::new(holder))),
        };
        let key = (document, endpoint);
        let known = holdings.ages.get(&key).copied();
        if known.is_none() && holdings.ages.len() >= self.max_records_of_owner {
            return Err(Full::Owner(self.max_records_of_owner));
        }
        if known.is_none() && self.records >= self.max_records {
            return Err(Full::Index(self.max_records));
        }

        let holders = self.documents.entry(key.0.clone()).or_default();
        let mut claim = Claim { owner, attributes };
        if let Some(age) = known {
            if holders.title(age) == Some(&title) {
                holders.renew(age, owner, attributes.content);
                return Ok(());
            }
            if let Some(before) = holders.leave(age, owner) {
                claim.attributes.added = before.attributes.added;
            }
        } else {
            self.records += 1;
        }
        let age = holders.join(claim, &key.1, title, Age(self.next_age));
        self.next_age += 1;
        holdings.ages.insert(key, age);
        Ok(())
    }

    /// Takes back one's own record; `None` if there is none.
    pub fn remove(
        &mut self,
        owner: Owner,
        document: &Document,
        holder: &Endpoint,
    ) -> Option<Record> {
        let holdings = self.owners.get_mut(&owner)?;
        let key = (document.clone(), Arc::new(holder.clone()));
        let age = holdings.ages.remove(&key)?;
        let title = self.withdraw(owner, document, age).unwrap_or_default();
        Some(Record { document: key.0, title, holder: holder.clone() })
    }

    /// Takes back at most so many records of an owner that has left; returns how many.
    ///
    /// Called until it returns less than it was asked for, so that a large owner's leaving does
    /// not keep others waiting.
    pub fn leave(&mut self, owner: Owner, at_most: usize) -> usize {
        let mut count = 0;
        while count < at_most {
            let first = self.owners.get_mut(&owner).and_then(|holdings| holdings.ages.pop_first());
            let Some(((document, _), age)) = first else {
                self.owners.remove(&owner);
                break;
            };
            self.withdraw(owner, &document, age);
            count += 1;
        }
        count
    }

    /// Hands the records of a query behind a position to `take`, in the order of a list
    /// (protocol.md section 4.5): by document, and for one document the newest first.
    ///
    /// `take` returns whether it wants more. Returns `true` when there are no more records, else
    /// the position is behind the last one taken. Between two visits the index may change: a
    /// record that stays is taken exactly once.
    pub fn visit(
        &self,
        query: &Query,
        position: &mut Position,
        mut take: impl FnMut(BorrowedRecord<'_>, &Attributes) -> bool,
    ) -> bool {
        let first = match (&position.0, query) {
            (Some((document, _)), _) => Bound::Included(document.clone()),
            (None, Query::Document(document)) => Bound::Included(document.clone()),
            (None, Query::Listing(Listing::Rfcs) | Query::All) => Bound::Unbounded,
            (None, Query::Listing(Listing::Files)) => {
                Bound::Excluded(Document::Rfc(RfcNumber::MAX))
            }
        };
        for (document, holders) in self.documents.range((first, Bound::Unbounded)) {
            if !query.holds(document) {
                return true;
            }
            let seen = position.0.as_ref().filter(|seen| seen.0 == *document).map(|seen| seen.1);
            for (age, line) in holders.newest_first(seen) {
                let record = BorrowedRecord { document, title: &line.title, holder: &line.holder };
                if !take(record, line.attributes()) {
                    position.0 = Some((document.clone(), age));
                    return false;
                }
            }
        }
        true
    }

    fn withdraw(&mut self, owner: Owner, document: &Document, age: Age) -> Option<Title> {
        self.records -= 1;
        let holders = self.documents.get_mut(document)?;
        let title = holders.title(age).cloned();
        holders.leave(age, owner);
        if holders.is_empty() {
            self.documents.remove(document);
        }
        title
    }
}

impl Query {
    fn holds(&self, document: &Document) -> bool {
        match self {
            Self::Document(asked) => asked == document,
            Self::Listing(Listing::Rfcs) => matches!(document, Document::Rfc(_)),
            Self::Listing(Listing::Files) => matches!(document, Document::File(_)),
            Self::All => true,
        }
    }
}

#[cfg(test)]
mod tests;
