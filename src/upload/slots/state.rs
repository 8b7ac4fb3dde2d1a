//! Which upload begins, which gets a slot, and which one gives it up (protocol.md section 7).

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use crate::limits;
use crate::network::Network;
use crate::upload::send_meter::SendMeter;

/// All uploads that have begun or wait for their beginning.
#[derive(Debug)]
pub(super) struct State {
    count: usize,
    /// Uploads that may have begun before only networks without any may begin another.
    pub(super) crowd: usize,
    next: u64,
    pub(super) uploads: BTreeMap<u64, Upload>,
    /// When a network got its last slot, as a number that grows.
    served: HashMap<Network, u64>,
    /// When the rates of uploads in slots were last compared for those that wait.
    rates_checked: Instant,
}

#[derive(Debug)]
pub(super) struct Upload {
    network: Network,
    needs: Needs,
    place: Place,
    pub(super) meter: Arc<SendMeter>,
}

/// Whether an upload needs a slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::upload) enum Needs {
    Slot,
    /// The document is small.
    NoSlot,
}

/// Where an upload is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// It has not begun.
    Waiting,
    /// It has a slot.
    HolderInfo,
    /// It has begun, has given up its slot, and waits for another.
    Outside,
    /// It has begun and needs no slot, or none any more.
    Unslotted,
}

impl State {
    /// This many free slots.
    pub(super) fn new(count: usize) -> Self {
        let crowd = limits::crowd(limits::Uploads::DEFAULT.uploads);
        Self {
            count,
            crowd,
            next: 0,
            uploads: BTreeMap::new(),
            served: HashMap::new(),
            rates_checked: Instant::now(),
        }
    }

    /// Sets another number of slots. Uploads in slots keep them.
    pub(super) fn set_count(&mut self, count: usize) {
        self.count = count;
    }

    /// Removes an upload.
    pub(super) fn remove(&mut self, number: u64) {
        self.uploads.remove(&number);
    }

    /// Queues an upload; returns its number.
    pub(super) fn enter(&mut self, network: Network, needs: Needs, meter: &Arc<SendMeter>) -> u64 {
        // The turns of a network are forgotten when it waits for nothing.
        if !self.served.is_empty() && self.uploads.values().all(|upload| !upload.is_waiting()) {
            let uploads = &self.uploads;
            self.served.retain(|network, _| uploads.values().any(|has| has.network == *network));
        }
        self.next = self.next.wrapping_add(1);
        let upload = Upload { network, needs, place: Place::Waiting, meter: Arc::clone(meter) };
        self.uploads.insert(self.next, upload);
        self.next
    }

    /// Where an upload is.
    pub(super) fn place(&self, number: u64) -> Place {
        // Each number is asked for by the slot that removes it.
        self.uploads.get(&number).map_or(Place::HolderInfo, |upload| upload.place)
    }

    /// Whether an upload that waits should look again for one that has become slow. Of those that wait
    /// together one does it for all.
    pub(super) fn is_rate_check_due(&mut self) -> bool {
        let is_due = self.rates_checked.elapsed() >= limits::RATES_CHECK;
        if is_due {
            self.rates_checked = Instant::now();
        }
        is_due
    }

    /// An upload has sent everything; its reader may not have received it yet.
    pub(super) fn end_sending(&mut self, number: u64) {
        self.set(number, Place::Unslotted);
    }

    /// Lets those uploads begin that are next, and gives slots to them; returns whether another upload
    /// than `own` has moved. Its thread waits for that.
    pub(super) fn assign(&mut self, own: Option<u64>) -> bool {
        let mut has_another_moved = false;
        while let Some(number) = self.assign_next() {
            has_another_moved |= own != Some(number);
        }
        has_another_moved
    }

    /// Moves the next upload to its new place; returns its number.
    pub(super) fn assign_next(&mut self) -> Option<u64> {
        let (number, place) = self.next_place()?;
        if place == Place::HolderInfo
            && let Some(upload) = self.uploads.get(&number)
        {
            self.next = self.next.wrapping_add(1);
            self.served.insert(upload.network, self.next);
            upload.meter.restart_check();
        }
        self.set(number, place);
        Some(number)
    }

    /// The next upload that moves, and its new place. Another one may have given up its slot for it.
    fn next_place(&mut self) -> Option<(u64, Place)> {
        let is_waiting = |(number, upload): (&u64, &Upload)| upload.is_waiting().then_some(*number);
        let mut waiting: Vec<u64> = self.uploads.iter().filter_map(is_waiting).collect();
        if waiting.is_empty() {
            return None;
        }
        waiting.sort_by_cached_key(|number| self.rank(*number));
        let held = self.count_of(Place::HolderInfo);
        waiting.into_iter().find_map(|number| {
            let upload = self.uploads.get(&number)?;
            let (network, has_begun) = (upload.network, upload.place == Place::Outside);
            if !has_begun && !self.may_begin(network) {
                return None;
            }
            if upload.needs == Needs::NoSlot {
                return Some((number, Place::Unslotted));
            }
            let has_slot = held < self.count || self.give_up_for(network, has_begun);
            has_slot.then_some((number, Place::HolderInfo))
        })
    }

    /// The order of those that wait. Uploads of a site that holds its half of the slots follow all
    /// others.
    fn rank(&self, number: u64) -> impl Ord + use<> {
        self.uploads.get(&number).map(|upload| {
            let network = upload.network;
            let served = self.served.get(&network).copied().unwrap_or(0);
            (self.full_site(network).is_some(), self.held_by(network), served, number)
        })
    }

    /// Whether an upload of this network may begin: where many have begun, only if none of its own
    /// has.
    fn may_begin(&self, network: Network) -> bool {
        let begun = self.uploads.values().filter(|upload| upload.has_begun()).count();
        begun < self.crowd || self.begun_by(network) == 0
    }

    /// Takes a slot for a network that waits; returns whether it did.
    ///
    /// It is taken from another site that holds more than half of them, else from the network that
    /// has the most, if that is at least two more than the waiting one has. A site that holds its
    /// half takes none from others. If there is none of these, an upload that has not begun gets the
    /// slot of one whose reader is slow.
    fn give_up_for(&mut self, waiting: Network, has_begun: bool) -> bool {
        let has_upload = self.begun_by(waiting) > 0;
        if !has_begun && has_upload && self.count_of(Place::Outside) >= limits::OUTSIDE {
            return false;
        }
        let (site, held) = (waiting.site(), self.held_by(waiting));
        let other_site =
            self.largest_site().filter(|(other, held)| Some(*other) != site && *held > self.half());
        let full_site = self.full_site(waiting);
        let victim = match (other_site, full_site) {
            (Some((other, _)), None) => {
                self.largest_network(|network| network.site() == Some(other))
            }
            // Otherwise two sites would take one slot from each other without end.
            (_, Some(own)) => self
                .largest_network(|network| network.site() == Some(own))
                .filter(|most| self.held_by(*most) >= held + 2),
            (None, None) => {
                self.largest_network(|_| true).filter(|most| self.held_by(*most) >= held + 2)
            }
        };
        let slowest = match victim {
            Some(network) => self.slowest(|upload| upload.network == network),
            None if has_begun || full_site.is_some() => None,
            None => {
                let begun = self.begun_by(waiting);
                self.slowest(|upload| {
                    upload.meter.is_slow() && self.begun_by(upload.network) > begun
                })
            }
        };
        if let Some(slowest) = slowest {
            self.set(slowest, Place::Outside);
        }
        slowest.is_some()
    }

    /// Of some uploads that have slots the slowest one. One that has just begun is only taken for the
    /// slowest if there is no other.
    fn slowest(&self, is_asked_for: impl Fn(&Upload) -> bool) -> Option<u64> {
        let held = self
            .uploads
            .iter()
            .filter(|(_, upload)| upload.place == Place::HolderInfo && is_asked_for(upload));
        let slowest = held.min_by_key(|(number, upload)| {
            (upload.meter.age() < limits::RATE_KNOWN, upload.meter.rate(), Reverse(**number))
        });
        slowest.map(|(number, _)| *number)
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
            upload.place == Place::HolderInfo && upload.network.site() == Some(site)
        };
        self.uploads.values().filter(holds).count()
    }

    /// How many slots a network holds.
    pub(super) fn held_by(&self, network: Network) -> usize {
        let holds =
            |upload: &&Upload| upload.network == network && upload.place == Place::HolderInfo;
        self.uploads.values().filter(holds).count()
    }

    /// How many uploads of a network, or of its IPv6 site, have begun.
    fn begun_by(&self, network: Network) -> usize {
        let party = network.site_or_self();
        let is_its =
            |upload: &&Upload| upload.has_begun() && upload.network.site_or_self() == party;
        self.uploads.values().filter(is_its).count()
    }

    pub(super) fn count_of(&self, place: Place) -> usize {
        self.uploads.values().filter(|upload| upload.place == place).count()
    }

    fn set(&mut self, number: u64, place: Place) {
        if let Some(upload) = self.uploads.get_mut(&number) {
            upload.place = place;
        }
    }
}

impl Upload {
    fn is_waiting(&self) -> bool {
        matches!(self.place, Place::Waiting | Place::Outside)
    }

    fn has_begun(&self) -> bool {
        self.place != Place::Waiting
    }
}
