//! Statistics of other peers: round-trip times, rates, whether
//! they know extensions, and when they failed last (protocol.md sections 7 and 9).
//!
//! Round trips and rates are kept from one run to the next. Failed holders are retried with exponential
//! backoff.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::iter;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::library::StoreFile;
use crate::limits;
use crate::protocol::Endpoint;

/// The first line of the store. Another version of the format is another line.
const FIRST_LINE: &str = "p2p-ci neighbours 1";

/// The last word of a line of the store: whether the peer has delivered a document.
const PROVEN: &str = "proven";
const UNPROVEN: &str = "unproven";

/// Bytes that a line of the store has at most: a host, a port, two numbers and a word.
const LINE: usize = 512;

/// What is assumed of who was never asked: not better than a good neighbour, not worse than a bad.
const ROUND_TRIP: Duration = Duration::from_millis(50);
const BYTES_PER_SECOND: u64 = 1024 * 1024;

/// Round trips are told apart in steps of this.
const STEP: Duration = Duration::from_millis(1);

/// What is remembered of other peers.
#[derive(Debug, Default)]
pub struct Neighbours {
    known: Mutex<HashMap<Endpoint, Neighbour>>,
    /// Addresses at which nothing has answered, with the holder that was asked there, and until when
    /// no other holder is: an index may give a victim any number of names.
    strangers: Mutex<HashMap<SocketAddr, (Endpoint, Instant)>>,
    store: Option<StoreFile>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Neighbour {
    round_trip: Option<Duration>,
    bytes_per_second: Option<u64>,
    is_plain: bool,
    /// Whether it has ever answered as a program of the protocol does.
    has_answered: bool,
    /// Whether it has delivered a document, and has not failed several times since.
    is_proven: bool,
    /// Until when others are asked before it, because it did not answer soon.
    silent_until: Option<Instant>,
    /// Downloads from it at this moment.
    busy: u32,
    failures: u32,
    rests_until: Option<Instant>,
}

/// How fast a neighbour was, as far as is known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pace {
    /// The time that connecting took.
    pub round_trip: Option<Duration>,
    /// The rate of past downloads in bytes per second, in which recent ones count most.
    pub bytes_per_second: Option<u64>,
}

/// Whether a neighbour may be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Readiness {
    Ready,
    /// It failed a moment ago.
    Resting(Duration),
    /// It failed so often, or has never answered, that nobody waits for it.
    GivenUp,
}

impl Neighbours {
    /// What was stored in this file, as far as it can be read.
    pub fn load(store: &Path) -> Self {
        let store = StoreFile::new(store, (limits::NEIGHBOURS * LINE) as u64);
        let known = parse(&store.read().unwrap_or_default()).collect();
        Self { known: Mutex::new(known), strangers: Mutex::default(), store: Some(store) }
    }

    /// Stores what is worth keeping, with what other programs have stored of other peers.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let known = self.lock().clone();
        store.replace(|stored| {
            let stored = stored.unwrap_or_default();
            let own = known.iter().map(|(endpoint, neighbour)| (endpoint.clone(), *neighbour));
            let others = parse(&stored).filter(|(endpoint, _)| !known.contains_key(endpoint));
            let measured = own.chain(others).filter_map(|(endpoint, neighbour)| {
                let rate = neighbour.bytes_per_second.unwrap_or(0);
                let round_trip = neighbour.round_trip?.as_micros();
                let proven = if neighbour.is_proven { PROVEN } else { UNPROVEN };
                Some(format!("{endpoint} {round_trip} {rate} {proven}\n"))
            });
            iter::once(format!("{FIRST_LINE}\n")).chain(measured.take(limits::NEIGHBOURS)).collect()
        })
    }

    /// How fast a neighbour was.
    pub fn pace(&self, endpoint: &Endpoint) -> Pace {
        let neighbour = self.of(endpoint);
        let Neighbour { round_trip, bytes_per_second, .. } = neighbour;
        Pace { round_trip, bytes_per_second }
    }

    /// What matters about a holder of a document of this length that may be asked.
    pub(super) fn standing(&self, endpoint: &Endpoint, length: u64) -> Standing {
        let neighbour = self.of(endpoint);
        Standing {
            is_proven: neighbour.is_proven,
            is_silent: neighbour.silent_until.is_some_and(|until| until > Instant::now()),
            downloads: neighbour.busy,
            expected_time: neighbour.expected_time(length),
        }
    }

    /// Whether it has delivered a document, and has not failed several times since.
    pub(super) fn is_proven(&self, endpoint: &Endpoint) -> bool {
        self.of(endpoint).is_proven
    }

    pub(super) fn is_plain(&self, endpoint: &Endpoint) -> bool {
        self.of(endpoint).is_plain
    }

    pub(super) fn refuses_extensions(&self, endpoint: &Endpoint) {
        self.change(endpoint, |neighbour| neighbour.is_plain = true);
    }

    /// It has sent a reply, whatever it was.
    pub(super) fn answered(&self, endpoint: &Endpoint) {
        self.change(endpoint, |neighbour| neighbour.has_answered = true);
    }

    /// It was asked at these addresses and has not answered, or not soon.
    pub(super) fn no_answer(&self, endpoint: &Endpoint, addresses: &[SocketAddr]) {
        if addresses.is_empty() || self.of(endpoint).has_answered {
            return;
        }
        let (now, mut strangers) = (Instant::now(), self.lock_strangers());
        if strangers.len() >= limits::NEIGHBOURS {
            strangers.retain(|_, (_, until)| *until > now);
            if strangers.len() >= limits::NEIGHBOURS {
                strangers.clear();
            }
        }
        let until = now + pause_after(u32::MAX);
        let stranger = (endpoint.clone(), until);
        strangers.extend(addresses.iter().map(|address| (*address, stranger.clone())));
    }

    /// Whether a holder that has never answered is not asked at this address, because another one was
    /// asked there and has not answered.
    pub(super) fn is_stranger(&self, endpoint: &Endpoint, address: SocketAddr) -> bool {
        let is_other =
            |(other, until): &(Endpoint, Instant)| other != endpoint && *until > Instant::now();
        self.lock_strangers().get(&address).is_some_and(is_other) && !self.of(endpoint).has_answered
    }

    /// A connection was made, in this time.
    pub(super) fn connected(&self, endpoint: &Endpoint, time: Duration) {
        self.change(endpoint, |neighbour| {
            neighbour.round_trip = Some(match neighbour.round_trip {
                Some(before) => before.saturating_mul(3).saturating_add(time) / 4,
                None => time,
            });
        });
    }

    /// So many bytes came, in this time. Too few of them say nothing of the rate.
    pub(super) fn transferred(&self, endpoint: &Endpoint, bytes: u64, time: Duration) {
        const ENOUGH: u64 = 16 * 1024;
        self.change(endpoint, |neighbour| {
            neighbour.failures = 0;
            neighbour.rests_until = None;
            if bytes >= ENOUGH {
                let nanos = time.as_nanos().max(1);
                let rate = u128::from(bytes) * 1_000_000_000 / nanos;
                let rate = u64::try_from(rate).unwrap_or(u64::MAX);
                neighbour.bytes_per_second = Some(match neighbour.bytes_per_second {
                    Some(before) => before / 4 * 3 + rate / 4,
                    None => rate,
                });
            }
        });
    }

    /// It was so slow that others are asked before it: so many bytes came, in this time.
    pub(super) fn slow(&self, endpoint: &Endpoint, bytes: u64, time: Duration) {
        self.change(endpoint, |neighbour| {
            neighbour.bytes_per_second = Some(bytes / time.as_secs().max(1));
        });
    }

    /// It has delivered a whole document.
    pub(super) fn delivered(&self, endpoint: &Endpoint) {
        self.change(endpoint, |neighbour| {
            neighbour.is_proven = true;
            neighbour.silent_until = None;
        });
    }

    /// It did not answer as soon as one that has not delivered anything must: for a while, others
    /// are asked before it.
    pub(super) fn silent(&self, endpoint: &Endpoint) {
        self.change(endpoint, |neighbour| {
            neighbour.silent_until = Some(Instant::now() + limits::SILENT);
        });
    }

    /// It has delivered other bytes than it had announced.
    pub(super) fn distrust(&self, endpoint: &Endpoint) {
        self.change(endpoint, |neighbour| neighbour.is_proven = false);
    }

    /// It failed: for a while it is left alone. Who has never answered may be a victim to whom
    /// records lead, and is left alone for long.
    pub(super) fn failed(&self, endpoint: &Endpoint) {
        self.change(endpoint, |neighbour| {
            let pause = match neighbour.has_answered {
                true => pause_after(neighbour.failures),
                false => pause_after(u32::MAX),
            };
            neighbour.failures = neighbour.failures.saturating_add(1);
            neighbour.is_proven &= neighbour.failures < limits::TRIES;
            neighbour.rests_until = Some(Instant::now() + pause);
        });
    }

    pub(super) fn readiness(&self, endpoint: &Endpoint) -> Readiness {
        self.of(endpoint).readiness(Instant::now())
    }

    /// Counts a download until the returned value is dropped.
    pub(super) fn busy<'a>(&'a self, endpoint: &'a Endpoint) -> Busy<'a> {
        self.change(endpoint, |neighbour| neighbour.busy = neighbour.busy.saturating_add(1));
        Busy { neighbours: self, endpoint }
    }

    fn of(&self, endpoint: &Endpoint) -> Neighbour {
        self.lock().get(endpoint).copied().unwrap_or_default()
    }

    fn change(&self, endpoint: &Endpoint, change: impl FnOnce(&mut Neighbour)) {
        let mut known = self.lock();
        if known.len() >= limits::NEIGHBOURS && !known.contains_key(endpoint) {
            make_room(&mut known);
        }
        change(known.entry(endpoint.clone()).or_default());
    }

    fn lock_strangers(&self) -> MutexGuard<'_, HashMap<SocketAddr, (Endpoint, Instant)>> {
        // Each change is one insertion or removal: a poisoned map is still whole.
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, Neighbour>> {
        // Each change is a few assignments that cannot panic: what is there is whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What matters about a holder that may be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Whether it has delivered a document, and has not failed several times since.
    pub(super) is_proven: bool,
    /// Whether it did not answer soon when it was asked last.
    pub(super) is_silent: bool,
    /// Downloads from it at this moment.
    pub(super) downloads: u32,
    /// The time that the download should take, with the others that are running.
    pub(super) expected_time: Duration,
}

impl Neighbour {
    fn readiness(&self, now: Instant) -> Readiness {
        match self.rests_until.and_then(|until| until.checked_duration_since(now)) {
            Some(left) if left.is_zero() => Readiness::Ready,
            Some(_) if !self.has_answered || self.failures >= limits::TRIES => Readiness::GivenUp,
            Some(left) => Readiness::Resting(left),
            None => Readiness::Ready,
        }
    }

    /// The time that a download of this length should take, from a neighbour that gives others
    /// something meanwhile.
    fn expected_time(&self, length: u64) -> Duration {
        let rate = self.bytes_per_second.unwrap_or(BYTES_PER_SECOND).max(1);
        let nanos = u128::from(length).saturating_mul(1_000_000_000) / u128::from(rate);
        let transfer = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        // In steps: what is less is chance, and the order of the index says more.
        let steps = self.round_trip.unwrap_or(ROUND_TRIP).as_micros() / STEP.as_micros();
        let steps = u32::try_from(steps).unwrap_or(u32::MAX).saturating_add(1);
        let round_trip = STEP.saturating_mul(steps);
        let alone = round_trip.saturating_mul(2).saturating_add(transfer);
        alone.saturating_mul(self.busy.saturating_add(1))
    }
}

/// An index could name more neighbours than there is room for: who was never of any use is
/// forgotten first, and then everybody whom no download may ask.
fn make_room(known: &mut HashMap<Endpoint, Neighbour>) {
    let now = Instant::now();
    known.retain(|_, neighbour| {
        let rests = neighbour.rests_until.is_some_and(|until| until > now);
        neighbour.busy > 0 || neighbour.bytes_per_second.is_some() || rests
    });
    if known.len() >= limits::NEIGHBOURS {
        known.retain(|_, neighbour| neighbour.busy > 0);
    }
}

/// A download that is going on.
#[derive(Debug)]
pub(super) struct Busy<'a> {
    neighbours: &'a Neighbours,
    endpoint: &'a Endpoint,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.neighbours.change(self.endpoint, |neighbour| {
            neighbour.busy = neighbour.busy.saturating_sub(1);
        });
    }
}

/// The pause after so many failures before: it doubles from three seconds to a minute, and is up to
/// a quarter longer, so that those who lost the same neighbour do not come back together.
pub(super) fn pause_after(failures: u32) -> Duration {
    let pause = limits::ASK_AGAIN.saturating_mul(2u32.saturating_pow(failures));
    let random = RandomState::new().build_hasher().finish() % 256;
    let pause = pause.min(limits::ASK_AGAIN_MAX);
    pause + pause * u32::try_from(random).unwrap_or(0) / 1024
}

/// What a store holds, as far as it can be read.
fn parse(text: &str) -> impl Iterator<Item = (Endpoint, Neighbour)> {
    let mut lines = text.lines();
    let is_ours = lines.next() == Some(FIRST_LINE);
    lines.filter(move |_| is_ours).filter_map(parse_line).take(limits::NEIGHBOURS)
}

fn parse_line(line: &str) -> Option<(Endpoint, Neighbour)> {
    let mut words = line.split(' ');
    let endpoint = words.next()?.parse().ok()?;
    let round_trip = Duration::from_micros(words.next()?.parse().ok()?);
    let rate: u64 = words.next()?.parse().ok()?;
    // Earlier versions did not store whether a peer was proven.
    let is_proven = words.next().map_or(rate > 0, |word| word == PROVEN);
    let neighbour = Neighbour {
        round_trip: Some(round_trip),
        bytes_per_second: (rate > 0).then_some(rate),
        has_answered: is_proven || rate > 0,
        is_proven,
        ..Neighbour::default()
    };
    Some((endpoint, neighbour))
}

#[cfg(test)]
mod tests;
