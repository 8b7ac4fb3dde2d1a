//! The time of workers that parties have used (protocol.md section 7).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::download::dialing::{HostNames, Party};
use crate::download::model::Source;
use crate::protocol::Endpoint;

/// The time of a slow turn without a document counts this much more within a party.
const FAILED: u32 = 64;

/// A holder, and the party that it belongs to. A document without holders has none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct User {
    pub(super) party: Party,
    pub(super) holder: Option<Endpoint>,
}

impl User {
    /// This holder of a document, if it has any.
    pub(super) fn of(source: Option<&Source>, names: &HostNames) -> Self {
        Self {
            party: source.map_or(Party::Unresolved, |source| Party::of(source, names)),
            holder: source.map(|source| source.holder.clone()),
        }
    }
}

/// The time of workers that each party and each holder has used. It never decreases.
#[derive(Debug, Default)]
pub(super) struct Usage {
    parties: HashMap<Party, Duration>,
    holders: HashMap<Option<Endpoint>, Duration>,
    /// Time that is added for slow turns without a document, when holders of one party are compared.
    added: HashMap<Option<Endpoint>, Duration>,
    /// The user of each worker, and since when its time was not counted.
    workers: Vec<Option<(User, Instant)>>,
}

impl Usage {
    pub(super) fn new(workers: usize) -> Self {
        Self { workers: vec![None; workers], ..Self::default() }
    }

    /// Counts the time of a worker for its user so far. From now on it has this user.
    pub(super) fn set_user(&mut self, worker: usize, user: Option<User>, now: Instant) {
        let Some(place) = self.workers.get_mut(worker) else { return };
        if place.as_ref().map(|(user, _)| user) == user.as_ref() {
            return;
        }
        let former = std::mem::replace(place, user.map(|user| (user, now)));
        if let Some((User { party, holder }, since)) = former {
            let time = now.saturating_duration_since(since);
            add(self.parties.entry(party).or_default(), time);
            add(self.holders.entry(holder).or_default(), time);
        }
    }

    /// The user of a worker.
    pub(super) fn user(&self, worker: usize) -> Option<&User> {
        self.workers.get(worker)?.as_ref().map(|(user, _)| user)
    }

    /// The number of workers of a party.
    pub(super) fn workers_of(&self, party: Party) -> usize {
        self.workers.iter().flatten().filter(|(user, _)| user.party == party).count()
    }

    pub(super) fn of_party(&self, party: Party, now: Instant) -> Duration {
        let ended = self.parties.get(&party).copied().unwrap_or_default();
        self.with_running(ended, now, &|user| user.party == party)
    }

    pub(super) fn of_holder(&self, holder: Option<&Endpoint>, now: Instant) -> Duration {
        // A key cannot be looked up by a borrowed endpoint in an option without a clone of it.
        let ended = self.holders.get(&holder.cloned()).copied().unwrap_or_default();
        self.with_running(ended, now, &|user| user.holder.as_ref() == holder)
    }

    /// Notes that the user of a worker has used this time slowly, and without a document. Then other
    /// holders of its party are before it for a while, above all those that deliver.
    pub(super) fn note_failed(&mut self, worker: usize, time: Duration) {
        if let Some((user, _)) = self.workers.get(worker).and_then(Option::as_ref) {
            let added = time.saturating_mul(FAILED);
            add(self.added.entry(user.holder.clone()).or_default(), added);
        }
    }

    /// The time by which a holder is compared with others of its party.
    pub(super) fn of_turns(&self, holder: Option<&Endpoint>, now: Instant) -> Duration {
        let added = match self.added.is_empty() {
            true => Duration::ZERO,
            false => self.added.get(&holder.cloned()).copied().unwrap_or_default(),
        };
        self.of_holder(holder, now).saturating_add(added)
    }

    /// The times by which two users are compared.
    pub(super) fn compared(&self, one: &User, other: &User, now: Instant) -> (Duration, Duration) {
        let time = |user: &User| match one.party == other.party {
            true => self.of_turns(user.holder.as_ref(), now),
            false => self.of_party(user.party, now),
        };
        (time(one), time(other))
    }

    /// The time of a holder and of its party together.
    pub(super) fn of(&self, user: &User, now: Instant) -> Duration {
        let of_party = self.of_party(user.party, now);
        of_party.saturating_add(self.of_holder(user.holder.as_ref(), now))
    }

    /// The same, with the time that is added for failed turns.
    pub(super) fn with_failed(&self, user: &User, now: Instant) -> Duration {
        let of_party = self.of_party(user.party, now);
        of_party.saturating_add(self.of_turns(user.holder.as_ref(), now))
    }

    fn with_running(
        &self,
        ended: Duration,
        now: Instant,
        is_its: &dyn Fn(&User) -> bool,
    ) -> Duration {
        let its = self.workers.iter().flatten().filter(|(user, _)| is_its(user));
        its.fold(ended, |sum, (_, since)| sum.saturating_add(now.saturating_duration_since(*since)))
    }
}

fn add(sum: &mut Duration, time: Duration) {
    *sum = sum.saturating_add(time);
}
