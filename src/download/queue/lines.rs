//! Downloads that can run, in a line for each holder: the party that has used the least time of workers
//! is next, and of its holders the one that has used the least (protocol.md section 7).
//!
//! So a party with any number of documents delays the documents of others as little as one with a single
//! document, and slow documents run after those of other parties. A choice takes logarithmic time.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::task::Task;
use super::usage::{Usage, User};
use crate::download::dialing::{HostNames, Party};
use crate::protocol::Endpoint;

/// When another holder of a document, or its party, has used this much more time, the document waits in
/// the line of that holder. Otherwise the documents of a slow holder could wait in the line of another,
/// for which anybody may have registered them.
const SLOWER: Duration = Duration::from_secs(10);

/// The time that the first of a line, or of a party, had used when it was last compared; the order of
/// those with the same time; and the key.
type Turn<K> = Reverse<(Duration, u64, K)>;

/// Downloads that can run.
#[derive(Debug, Default)]
pub(super) struct Lines {
    tasks: HashMap<Option<Endpoint>, VecDeque<Task>>,
    /// The holders with lines, of each party. Times only grow, so an entry that has the least time is
    /// compared again, and the others need not be.
    holders: HashMap<Party, BinaryHeap<Turn<Option<Endpoint>>>>,
    parties: BinaryHeap<Turn<Party>>,
    count: usize,
    places: u64,
}

impl Lines {
    /// The number of downloads.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a download as the last of the line of its first holder.
    pub(super) fn push(&mut self, task: Task, names: &HostNames) {
        let user = task.user(names);
        self.push_to(user, task);
    }

    fn push_to(&mut self, user: User, task: Task) {
        self.count = self.count.saturating_add(1);
        match self.tasks.entry(user.holder.clone()) {
            Entry::Occupied(line) => line.into_mut().push_back(task),
            Entry::Vacant(place) => {
                // Most lines of very many have one document.
                place.insert(VecDeque::from(vec![task]));
                self.add_turn(user);
            }
        }
    }

    /// Returns a download that was taken to the front of the line of its first holder.
    pub(super) fn push_front(&mut self, task: Task, names: &HostNames) {
        let user = task.user(names);
        match self.tasks.get_mut(&user.holder) {
            Some(line) => {
                line.push_front(task);
                self.count = self.count.saturating_add(1);
            }
            None => self.push_to(user, task),
        }
    }

    /// Adds a holder with a new line.
    fn add_turn(&mut self, User { party, holder }: User) {
        self.places = self.places.saturating_add(1);
        match self.holders.entry(party) {
            Entry::Occupied(holders) => {
                holders.into_mut().push(Reverse((Duration::ZERO, self.places, holder)));
            }
            Entry::Vacant(place) => {
                place.insert(vec![Reverse((Duration::ZERO, self.places, holder))].into());
                self.parties.push(Reverse((Duration::ZERO, self.places, party)));
            }
        }
    }

    /// The holder whose line is next. A document of another holder that is slower is put into the line
    /// of that one.
    pub(super) fn next(&mut self, usage: &Usage, names: &HostNames, now: Instant) -> Option<User> {
        loop {
            let party = least(&mut self.parties, |party| usage.of_party(*party, now))?;
            let holders = self.holders.get_mut(&party);
            let holder =
                holders.and_then(|all| least(all, |one| usage.of_turns(one.as_ref(), now)));
            let Some(holder) = holder else {
                self.parties.pop();
                self.holders.remove(&party);
                continue;
            };
            let user = User { party, holder };
            let Some(first) = self.tasks.get(&user.holder).and_then(VecDeque::front) else {
                self.remove_turn(&user);
                continue;
            };
            // A name may have been connected to meanwhile.
            let now_of = first.user_of(user.holder.as_ref(), names);
            if now_of.party != party {
                self.remove_turn_only(&user);
                self.add_turn(now_of);
                continue;
            }
            let slower = first.slowest(usage, names, now);
            let is_slower =
                |other: &User| usage.of(other, now) > usage.of(&user, now).saturating_add(SLOWER);
            match slower.filter(is_slower) {
                None => return Some(user),
                Some(slower) => {
                    if let Some(task) = self.pop(&user.holder) {
                        self.push_to(slower, task);
                    }
                }
            }
        }
    }

    /// Whether a holder has a line.
    pub(super) fn has(&self, holder: Option<&Endpoint>) -> bool {
        self.tasks.get(&holder.cloned()).is_some_and(|line| !line.is_empty())
    }

    /// Takes the first download of a line, and further ones that go with it, at most `most` in all.
    pub(super) fn take(&mut self, holder: &Option<Endpoint>, most: usize) -> Vec<Task> {
        let mut tasks: Vec<Task> = self.pop(holder).into_iter().collect();
        while tasks.len() < most
            && let (Some(first), Some(line)) = (tasks.first(), self.tasks.get(holder))
            && line.front().is_some_and(|next| next.goes_with(first))
        {
            tasks.extend(self.pop(holder));
        }
        tasks
    }

    fn pop(&mut self, holder: &Option<Endpoint>) -> Option<Task> {
        let task = self.tasks.get_mut(holder)?.pop_front()?;
        self.count = self.count.saturating_sub(1);
        Some(task)
    }

    /// Removes the empty line of the holder that is next.
    fn remove_turn(&mut self, user: &User) {
        self.tasks.remove(&user.holder);
        self.remove_turn_only(user);
    }

    fn remove_turn_only(&mut self, user: &User) {
        if let Some(holders) = self.holders.get_mut(&user.party) {
            holders.pop();
        }
    }
}

/// The key with the least time, which becomes the top of the heap.
fn least<K: Clone + Ord>(
    heap: &mut BinaryHeap<Turn<K>>,
    used: impl Fn(&K) -> Duration,
) -> Option<K> {
    loop {
        let mut top = heap.peek_mut()?;
        let Reverse((time, _, key)) = &mut *top;
        let used = used(key);
        if used <= *time {
            return Some(key.clone());
        }
        *time = used;
    }
}

#[cfg(test)]
mod tests;
