//! Which upload gets a slot, and which one gives it up (protocol.md section 7).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::limits;
use crate::network::Network;
use crate::peer::send_meter::SendMeter;

/// All uploads that have a slot or wait for one.
#[derive(Debug)]
pub(super) struct State {
    count: usize,
    next: u64,
    pub(super) uploads: BTreeMap<u64, Upload>,
    /// When a network got its last slot, as a number that grows.
    served: HashMap<Network, u64>,
}

#[derive(Debug)]
pub(super) struct Upload {
    network: Network,
    place: Place,
    pub(super) meter: Arc<SendMeter>,
}

/// Where an upload is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// It has not begun.
    Waiting,
    Holding,
    /// It has begun, has given up its slot, and waits for another.
    Outside,
}

impl State {
    /// This many free slots.
    pub(super) fn new(count: usize) -> Self {
        Self { count, next: 0, uploads: BTreeMap::new(), served: HashMap::new() }
    }

    /// Removes an upload.
    pub(super) fn remove(&mut self, number: u64) {
        self.uploads.remove(&number);
    }

    /// Queues an upload; returns its number.
    pub(super) fn enter(&mut self, network: Network, meter: &Arc<SendMeter>) -> u64 {
        // A network that waits for nothing is owed nothing.
        if self.uploads.values().all(|upload| upload.place == Place::Holding) {
            let uploads = &self.uploads;
            self.served.retain(|network, _| uploads.values().any(|has| has.network == *network));
        }
        self.next = self.next.wrapping_add(1);
        let upload = Upload { network, place: Place::Waiting, meter: Arc::clone(meter) };
        self.uploads.insert(self.next, upload);
        self.next
    }

    /// Where an upload is.
    pub(super) fn place(&self, number: u64) -> Place {
        // Each number is asked for by the slot that removes it.
        self.uploads.get(&number).map_or(Place::Holding, |upload| upload.place)
    }

    /// Gives slots to those that are next; returns whether any place has changed.
    pub(super) fn assign(&mut self) -> bool {
        let mut has_changed = false;
        while let Some((number, network)) = self.first() {
            let holding =
                self.uploads.values().filter(|upload| upload.place == Place::Holding).count();
            if holding >= self.count && !self.give_up_for(network) {
                break;
            }
            self.next = self.next.wrapping_add(1);
            self.served.insert(network, self.next);
            self.set(number, Place::Holding);
            has_changed = true;
        }
        has_changed
    }

    /// The upload that is next. Those of a site that holds its half follow all others.
    fn first(&self) -> Option<(u64, Network)> {
        let waiting = self.uploads.iter().filter(|(_, upload)| upload.place != Place::Holding);
        let rank = |(number, upload): &(&u64, &Upload)| {
            let served = self.served.get(&upload.network).copied().unwrap_or(0);
            let network = upload.network;
            (self.full_site(network).is_some(), self.held_by(network), served, **number)
        };
        waiting.min_by_key(rank).map(|(number, upload)| (*number, upload.network))
    }

    /// Takes a slot for a network that waits; returns whether it did.
    ///
    /// It is taken from another site that holds more than half of them, else from the network that
    /// has the most, if that is at least two more than the waiting one has. A site that holds its
    /// half takes none from others.
    fn give_up_for(&mut self, waiting: Network) -> bool {
        let (site, held) = (waiting.site(), self.held_by(waiting));
        let other_site =
            self.largest_site().filter(|(other, held)| Some(*other) != site && *held > self.half());
        let victim = match (other_site, self.full_site(waiting)) {
            (Some((other, _)), _) => self.largest_network(|network| network.site() == Some(other)),
            (None, Some(own)) => self
                .largest_network(|network| network.site() == Some(own))
                .filter(|most| self.held_by(*most) >= held + 2),
            (None, None) => {
                self.largest_network(|_| true).filter(|most| self.held_by(*most) >= held + 2)
            }
        };
        victim.is_some_and(|network| self.give_up(network))
    }

    /// The slowest upload of a network gives up its slot. One that has just begun is only taken for
    /// the slowest if there is no other.
    fn give_up(&mut self, network: Network) -> bool {
        let held = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.network == network && upload.place == Place::Holding);
        let slowest = held.min_by_key(|(number, upload)| {
            (upload.meter.age() < limits::RATE_KNOWN, upload.meter.rate(), Reverse(**number))
        });
        let Some((&slowest, _)) = slowest else { return false };
        self.set(slowest, Place::Outside);
        true
    }

    /// Of some networks the one that holds the most slots.
    fn largest_network(&self, is_asked_for: impl Fn(&Network) -> bool) -> Option<Network> {
        let networks = self.uploads.values().map(|upload| upload.network);
        networks.filter(is_asked_for).max_by_key(|network| {
            (self.held_by(*network), Reverse(self.served.get(network).copied().unwrap_or(0)))
        })
    }

    /// The IPv6 site that holds the most slots, and how many it holds.
    fn largest_site(&self) -> Option<(Network, usize)> {
        let sites = self.uploads.values().filter_map(|upload| upload.network.site());
        sites.map(|site| (site, self.held_by_site(site))).max_by_key(|(_, held)| *held)
    }

    /// The site of a network, if it holds its half of the slots.
    fn full_site(&self, network: Network) -> Option<Network> {
        network.site().filter(|site| self.held_by_site(*site) >= self.half())
    }

    /// The slots that one site may hold while others wait.
    fn half(&self) -> usize {
        (self.count / 2).max(1)
    }

    fn held_by_site(&self, site: Network) -> usize {
        let holds = |upload: &&Upload| {
            upload.place == Place::Holding && upload.network.site() == Some(site)
        };
        self.uploads.values().filter(holds).count()
    }

    /// How many slots a network holds.
    pub(super) fn held_by(&self, network: Network) -> usize {
        let holds = |upload: &&Upload| upload.network == network && upload.place == Place::Holding;
        self.uploads.values().filter(holds).count()
    }

    fn set(&mut self, number: u64, place: Place) {
        if let Some(upload) = self.uploads.get_mut(&number) {
            upload.place = place;
        }
    }
}
