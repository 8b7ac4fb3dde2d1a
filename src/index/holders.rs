//! The lines of one document: who holds it, under which title, newest first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Age, Attributes, Owner};
use crate::protocol::{Content, Endpoint, Title};

/// One line of a list, and to whom it belongs.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) holder: Arc<Endpoint>,
    pub(super) title: Arc<Title>,
    /// The claim that is shown: that of the first who made it and has not left.
    first: Claim,
    /// Those of other connections that added an equal line.
    others: Vec<Claim>,
}

/// What one owner says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) owner: Owner,
    pub(super) attributes: Attributes,
}

impl Line {
    pub(super) fn attributes(&self) -> &Attributes {
        &self.first.attributes
    }

    fn claims_mut(&mut self) -> impl Iterator<Item = &mut Claim> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }
}

/// All lines of one document.
#[derive(Debug, Default)]
pub(super) struct Holders {
    lines: BTreeMap<Age, Line>,
    /// Finds an equal line without walking: a document may have any number of holders.
    ages: HashMap<(Arc<Endpoint>, Arc<Title>), Age>,
}

impl Holders {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(super) fn title(&self, age: Age) -> Option<&Title> {
        self.lines.get(&age).map(|line| &*line.title)
    }

    /// The lines older than `seen`, or all.
    pub(super) fn newest_first(&self, seen: Option<Age>) -> impl Iterator<Item = (Age, &Line)> {
        let older = ..seen.unwrap_or(Age(u64::MAX));
        self.lines.range(older).rev().map(|(age, line)| (*age, line))
    }

    /// Gives a line to an owner: the equal one that is there, else a new one of age `next`.
    pub(super) fn join(
        &mut self,
        claim: Claim,
        holder: &Arc<Endpoint>,
        title: Title,
        next: Age,
    ) -> Age {
        let key = (Arc::clone(holder), self.shared(title));
        if let Some((age, line)) =
            self.ages.get(&key).and_then(|age| Some((*age, self.lines.get_mut(age)?)))
        {
            line.others.push(claim);
            return age;
        }
        let line =
            Line { holder: key.0.clone(), title: key.1.clone(), first: claim, others: Vec::new() };
        self.lines.insert(next, line);
        self.ages.insert(key, next);
        next
    }

    /// Takes what an owner says now of the bytes that it has.
    pub(super) fn renew(&mut self, age: Age, owner: Owner, content: Content) {
        let line = self.lines.get_mut(&age);
        let claim = line.and_then(|line| line.claims_mut().find(|claim| claim.owner == owner));
        if let Some(claim) = claim {
            claim.attributes.content = content;
        }
    }

    /// Takes a line from an owner; the last owner takes the line along. Returns what it claimed.
    pub(super) fn leave(&mut self, age: Age, owner: Owner) -> Option<Claim> {
        let line = self.lines.get_mut(&age)?;
        if let Some(at) = line.others.iter().position(|claim| claim.owner == owner) {
            return Some(line.others.remove(at));
        }
        if line.first.owner != owner {
            return None;
        }
        if line.others.is_empty() {
            let line = self.lines.remove(&age)?;
            self.ages.remove(&(line.holder, line.title));
            return Some(line.first);
        }
        let next = line.others.remove(0);
        Some(std::mem::replace(&mut line.first, next))
    }

    /// Holders of a document mostly agree about its title: they share one copy of it.
    fn shared(&self, title: Title) -> Arc<Title> {
        match self.lines.last_key_value() {
            Some((_, newest)) if *newest.title == title => Arc::clone(&newest.title),
            _ => Arc::new(title),
        }
    }
}
