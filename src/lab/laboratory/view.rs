//! The state of a laboratory at one time.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Laboratory, Peer, lock};
use crate::lab::history::Counts;
use crate::lab::journal::Note;
use crate::lab::observer::Carried;
use crate::lab::plan::PlanView;
use crate::lab::scenario::{Fault, Scenario};
use crate::lab::transfers::Transfer;
use crate::limits;
use crate::protocol::Endpoint;
use crate::server::Monitor;

/// Steps that are shown before they are taken.
const COMING: usize = 8;
/// A peer is slow if its rate is at most this part of the median rate.
const SLOW: u64 = 4;

/// The state of a laboratory.
pub(crate) struct View {
    pub(crate) plan: PlanView,
    pub(crate) counts: Counts,
    pub(crate) carried: Carried,
    pub(crate) peers: Vec<PeerView>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) all_transfers: usize,
    /// The last events, the newest first.
    pub(crate) notes: Vec<Note>,
}

/// A peer.
pub(crate) struct PeerView {
    pub(crate) number: usize,
    pub(crate) group: String,
    pub(crate) presence: Presence,
    pub(crate) fault: Option<Fault>,
    pub(crate) is_slow: bool,
}

/// Whether a peer has joined or left.
pub(crate) enum Presence {
    /// It has not joined yet.
    Expected,
    Joined {
        address: SocketAddr,
        documents: usize,
        latency: Duration,
        /// Bytes per second; `None` is unlimited.
        rate: Option<u64>,
    },
    Left,
}

impl PeerView {
    /// The rate, which is the largest number if it is unlimited; `None` if the peer has not joined or has left.
    fn rate(&self) -> Option<u64> {
        match self.presence {
            Presence::Joined { rate, .. } => Some(rate.unwrap_or(u64::MAX)),
            Presence::Expected | Presence::Left => None,
        }
    }
}

impl Laboratory {
    pub(crate) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The state of the index server.
    pub(crate) fn monitor(&self) -> &Monitor {
        &self.servers.first().monitor
    }

    /// The name of the peer at an endpoint, or the endpoint if it is not a peer of the laboratory.
    pub(crate) fn name(&self, endpoint: &Endpoint) -> String {
        self.common.name(endpoint)
    }

    /// How often each step was taken until now.
    pub(crate) fn counts(&self) -> Counts {
        self.common.history.counts()
    }

    /// The number of peers that have joined and not left.
    pub(crate) fn present_peers(&self) -> usize {
        lock(&self.peers).iter().filter(|peer| peer.member.is_some()).count()
    }

    /// The bytes that TCP has carried.
    pub(crate) fn carried_bytes(&self) -> u64 {
        self.common.observer.carried().bytes
    }

    /// The state now.
    pub(crate) fn view(&self) -> View {
        let peers = lock(&self.peers);
        let mut peers: Vec<PeerView> =
            peers.iter().enumerate().map(|(at, peer)| self.peer_view(at + 1, peer)).collect();
        mark_slow(&mut peers);
        let (transfers, all_transfers) = self.common.transfers.running(limits::PAGE_ROWS);
        View {
            plan: self.plan.view(COMING),
            counts: self.counts(),
            carried: self.common.observer.carried(),
            peers,
            transfers,
            all_transfers,
            notes: self.common.journal.last(),
        }
    }

    fn peer_view(&self, number: usize, peer: &Peer) -> PeerView {
        let group = self.scenario.groups.get(peer.group);
        let presence = match &peer.member {
            Some(member) => Presence::Joined {
                address: member.address,
                documents: member.library.read().len(),
                latency: member.line.latency(),
                rate: member.line.rate(),
            },
            None if peer.has_joined => Presence::Left,
            None => Presence::Expected,
        };
        PeerView {
            number,
            group: group.map_or_else(String::new, |group| group.name.clone()),
            presence,
            fault: group.and_then(|group| group.fault),
            is_slow: false,
        }
    }
}

/// Marks the peers that are slow in comparison with the others.
fn mark_slow(peers: &mut [PeerView]) {
    let mut rates: Vec<u64> = peers.iter().filter_map(PeerView::rate).collect();
    rates.sort_unstable();
    let median = rates.get(rates.len() / 2).copied().unwrap_or_default();
    for peer in peers {
        peer.is_slow = peer.rate().is_some_and(|rate| rate <= median / SLOW);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_slow_in_comparison_with_the_others() {
        let peer = |rate: Option<Option<u64>>| PeerView {
            number: 1,
            group: "peer".into(),
            presence: rate.map_or(Presence::Left, |rate| Presence::Joined {
                address: ([127, 0, 0, 1], 1).into(),
                documents: 0,
                latency: Duration::ZERO,
                rate,
            }),
            fault: None,
            is_slow: false,
        };
        for (rates, slow) in [
            (vec![], vec![]),
            (vec![Some(Some(100))], vec![false]),
            (vec![Some(None), Some(None), Some(Some(100))], vec![false, false, true]),
            (
                vec![Some(Some(100)), None, Some(Some(25)), Some(Some(100))],
                vec![false, false, true, false],
            ),
            // One fast peer does not make the others slow.
            (vec![Some(None), Some(Some(100)), Some(Some(100))], vec![false, false, false]),
        ] {
            let mut peers: Vec<PeerView> = rates.iter().copied().map(peer).collect();
            mark_slow(&mut peers);
            let found: Vec<bool> = peers.iter().map(|peer| peer.is_slow).collect();
            assert_eq!(found, slow, "{rates:?}");
        }
    }
}
