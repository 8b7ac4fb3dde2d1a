//! The lines of one document: who holds it, under which title, newest first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Age, Owner};
use crate::protocol::{Endpoint, Title};

/// One line of a list, and to whom it belongs.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) holder: Arc<Endpoint>,
    pub(super) title: Arc<Title>,
    /// Never empty. More than one when connections added an equal line.
    owners: Vec<Owner>,
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
        owner: Owner,
        holder: &Arc<Endpoint>,
        title: Title,
        next: Age,
    ) -> Age {
        let key = (Arc::clone(holder), self.shared(title));
        if let Some((age, line)) =
            self.ages.get(&key).and_then(|age| Some((*age, self.lines.get_mut(age)?)))
        {
            line.owners.push(owner);
            return age;
        }
        let line = Line { holder: key.0.clone(), title: key.1.clone(), owners: vec![owner] };
        self.lines.insert(next, line);
        self.ages.insert(key, next);
        next
    }

    /// Takes a line from an owner; the last owner takes the line along.
    pub(super) fn leave(&mut self, age: Age, owner: Owner) {
        let Some(line) = self.lines.get_mut(&age) else {
            return;
        };
        line.owners.retain(|other| *other != owner);
        if line.owners.is_empty()
            && let Some(line) = self.lines.remove(&age)
        {
            self.ages.remove(&(line.holder, line.title));
        }
    }

    /// Holders of a document mostly agree about its title: they share one copy of it.
    fn shared(&self, title: Title) -> Arc<Title> {
        match self.lines.last_key_value() {
            Some((_, newest)) if *newest.title == title => Arc::clone(&newest.title),
            _ => Arc::new(title),
        }
    }
}
