//! The lists of all peers of the local network, which are requested when they are needed.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::browser::Browser;
use super::document_list::DocumentList;
use super::found::Found;
use super::networks::Networks;
use super::service::{LanError, Service};
use crate::discovery::{IndexError, ask_all};
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::Cancel;
use crate::protocol::Endpoint;

/// A peer, and what it shares.
pub(super) type PeerDocuments = (Endpoint, Arc<DocumentList>);

/// The peers of the local network, except this one.
#[derive(Debug)]
pub(super) struct Lists {
    browser: Browser,
    /// The port of this peer's upload server.
    own_port: Option<u16>,
    known: HashMap<SocketAddr, Known>,
}

/// What is known of a peer.
#[derive(Debug)]
struct Known {
    requested: Instant,
    /// `None`: it has sent none.
    list: Option<PeerDocuments>,
}

impl Known {
    fn is_fresh(&self) -> bool {
        let age = if self.list.is_some() { limits::LAN_LIST_AGE } else { limits::LAN_REST };
        self.requested.elapsed() < age
    }
}

impl Lists {
    /// Begins to look for peers.
    pub(super) fn start(own_port: Option<u16>) -> Result<Self, LanError> {
        let browser = Browser::start(Service::Peer)?;
        Ok(Self { browser, own_port, known: HashMap::new() })
    }

    /// The lists of all peers. Those that are not known, or are old, are requested.
    pub(super) fn current(&mut self) -> Vec<PeerDocuments> {
        let mut peers = self.browser.found();
        self.remove_own(&mut peers);
        peers.truncate(limits::LAN_PEERS);
        let present: HashSet<SocketAddr> = peers.iter().map(Found::address).collect();
        self.known.retain(|address, _| present.contains(address));
        let is_fresh = |address: &SocketAddr| self.known.get(address).is_some_and(Known::is_fresh);
        let is_due = |peer: &&Found| !is_fresh(&peer.address());
        let due: Vec<Found> = peers.iter().filter(is_due).cloned().collect();
        let most = limits::LAN_ALL_LISTS_BYTES / peers.len().max(1);
        for (address, list) in request_all(&due, most.min(limits::LAN_LIST_BYTES)) {
            self.known.insert(address, Known { requested: Instant::now(), list });
        }
        let lists = peers.iter().filter_map(|peer| self.known.get(&peer.address()));
        lists.filter_map(|known| known.list.clone()).collect()
    }

    /// Removes the upload server of this peer, which it finds like any other.
    fn remove_own(&self, peers: &mut Vec<Found>) {
        let Some(port) = self.own_port else { return };
        let own: HashSet<IpAddr> = Networks::own_addresses().unwrap_or_default();
        peers.retain(|peer| {
            let address = peer.address();
            address.port() != port || !own.contains(&address.ip())
        });
    }
}

/// Requests the lists of these peers, of all at the same time. What has not arrived in time is missing.
fn request_all(peers: &[Found], most: usize) -> Vec<(SocketAddr, Option<PeerDocuments>)> {
    let request = |peer: &Found, cancel: &Cancel| request(peer, most, cancel);
    let outcomes = ask_all(peers, "lan-list", limits::LAN_LISTS, &request);
    let reported = |(peer, outcome): (&Found, _)| (peer.address(), reported(peer, outcome));
    outcomes.into_iter().map(reported).collect()
}

fn request(
    peer: &Found,
    most: usize,
    cancel: &Cancel,
) -> Option<Result<PeerDocuments, IndexError>> {
    let endpoint = peer.endpoint()?;
    let list = DocumentList::request(peer.address(), &endpoint, most, cancel);
    Some(list.map(|list| (endpoint, Arc::new(list))))
}

/// The list of a peer, if it has sent one.
fn reported(
    peer: &Found,
    outcome: Option<Result<PeerDocuments, IndexError>>,
) -> Option<PeerDocuments> {
    match outcome? {
        Ok((endpoint, list)) => {
            log::debug!("{peer} shares {} documents", list.len());
            Some((endpoint, list))
        }
        Err(error) => {
            log::warn!("the documents of {peer} are left out: {}", error_chain(&error));
            None
        }
    }
}
