//! Registration with a cluster of index servers: finding out that there is one, and moving to another of its
//! servers (protocol.md section 4.13).

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::shared::Shared;
use crate::discovery::{
    Assignment, IndexError, KnownServer, Link, NamedCluster, Replies, encode_cluster_query,
};
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::Cancel;
use crate::protocol::{Cluster, ClusterId, Endpoint, ReplyForm};

/// The servers that are left in this round of attempts, and the pause after it.
#[derive(Debug)]
pub(super) struct Attempts {
    limits: limits::Registration,
    pause: Duration,
    /// The servers of the cluster that are still to be tried; `None` before the first failure.
    untried: Option<Vec<KnownServer>>,
}

/// The next attempt: after this pause, at this server or at the same one.
pub(super) struct Next {
    pub(super) pause: Duration,
    pub(super) server: Option<KnownServer>,
}

impl Attempts {
    pub(super) fn new(limits: limits::Registration) -> Self {
        Self { limits, pause: limits.reconnect, untried: None }
    }

    /// Begins again after a connection that has lasted.
    pub(super) fn reset(&mut self) {
        (self.pause, self.untried) = (self.limits.reconnect, None);
    }

    /// The next attempt after a failure at `failed`. Each other server of the cluster is tried once before a
    /// pause that grows.
    pub(super) fn next(
        &mut self,
        failed: &Endpoint,
        cluster: Option<Vec<KnownServer>>,
        is_full: bool,
    ) -> Next {
        let is_failed = |known: &KnownServer| known.endpoint == *failed;
        let cluster = cluster.unwrap_or_default();
        let is_first = self.untried.is_none();
        let untried = self.untried.get_or_insert_with(Vec::new);
        untried.retain(|one| cluster.iter().any(|known| known.endpoint == one.endpoint));
        if is_first {
            untried.extend(cluster.iter().filter(|known| !is_failed(known)).cloned());
        }
        if let Some(server) = take_random(untried) {
            let pause = part_of(self.limits.fail_over, 0, 1024);
            return Next { pause, server: Some(server) };
        }
        // Up to a quarter more or less.
        let pause = part_of(self.pause, 768, 512);
        let most = if is_full { self.limits.reconnect_full_max } else { self.limits.reconnect_max };
        self.pause = limits::doubled(self.pause, most);
        *untried = cluster;
        let server = take_random(untried).filter(|server| !is_failed(server));
        Next { pause, server }
    }
}

/// Removes one of these servers at random, so that the peers of a server that has ended go to all others.
fn take_random(servers: &mut Vec<KnownServer>) -> Option<KnownServer> {
    let count = u64::try_from(servers.len()).ok().filter(|count| *count > 0)?;
    let at = usize::try_from(RandomState::new().hash_one(0) % count).ok()?;
    Some(servers.swap_remove(at))
}

/// A random part of a time, from `least` to less than `least + range` 1024ths: peers that lost the same server do
/// not all arrive at the same time.
fn part_of(time: Duration, least: u32, range: u64) -> Duration {
    let random = RandomState::new().hash_one(0) % range;
    let parts = least + u32::try_from(random).unwrap_or(0);
    // Divided first, a short time would lose a part of itself.
    time.checked_mul(parts).map_or_else(|| (time / 1024).saturating_mul(parts), |time| time / 1024)
}

impl Shared {
    /// Asks a server that was named as one of a cluster whether it belongs to it, before anything is registered.
    pub(super) fn check_cluster(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        expected: &ClusterId,
    ) -> Result<(), IndexError> {
        let named = self.ask_cluster(link, replies)?;
        if named.as_ref().is_some_and(|cluster| cluster.id() == expected) {
            return self.join_cluster(link, named.as_ref());
        }
        self.clusters.learn(&self.known(), link.address, named.as_ref());
        let (index, cluster) = (self.index.clone(), expected.clone());
        Err(IndexError::NotInCluster { index, cluster })
    }

    /// Asks a server that has shown extensions for its cluster. `false`: the connection has to be replaced, because
    /// the server has not replied as expected.
    ///
    /// # Errors
    /// When another registration is made with the cluster.
    pub(super) fn find_cluster(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
    ) -> Result<bool, IndexError> {
        if !self.may_find_cluster() {
            return Ok(true);
        }
        self.was_asked_for_cluster.store(true, Ordering::Release);
        match self.ask_cluster(link, replies) {
            Ok(named) => self.join_cluster(link, named.as_ref()).map(|()| true),
            Err(error) => {
                log::debug!("no cluster is known: {}", error_chain(&error));
                self.dialect.doubt_cluster(&error);
                Ok(false)
            }
        }
    }

    fn may_find_cluster(&self) -> bool {
        self.expected.is_none()
            && self.dialect.shows_extensions()
            && !self.dialect.answers_one_request()
            && self.dialect.may_name_cluster()
    }

    /// Asks for the cluster of a server that had shown no extension when this connection was made with nothing to
    /// register, and that has shown one since.
    pub(super) fn find_unknown_cluster(&self, cancel: &Cancel) {
        if !self.may_find_cluster() || self.was_asked_for_cluster.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.keep_alive(cancel)
            && !cancel.is_cancelled()
        {
            log::debug!("no cluster is known: {}", error_chain(&error));
            self.dialect.doubt_cluster(&error);
        }
    }

    fn ask_cluster(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
    ) -> Result<Option<Cluster>, IndexError> {
        let mut request = Vec::new();
        encode_cluster_query(&link.own, &mut request);
        self.exchange(link, replies, request, ReplyForm::Records)?;
        replies.begin_within(self.dialect.limits().registration_probe);
        let mut named = NamedCluster::default();
        replies.read_one(&mut |part, _| named.take(part))?;
        Ok(named.into_cluster())
    }

    /// Records the cluster that the server has named.
    ///
    /// # Errors
    /// When another registration is made with it.
    fn join_cluster(&self, link: &Link, named: Option<&Cluster>) -> Result<(), IndexError> {
        let assignment = self.clusters.assign(self.number, &self.known(), link.address, named);
        self.settle();
        match assignment {
            Assignment::NoCluster | Assignment::Granted(_) => Ok(()),
            Assignment::HeldByOther(cluster, with) => {
                let index = self.index.clone();
                Err(IndexError::OtherOfCluster { index, cluster, with })
            }
        }
    }

    /// Finds out whether the server of a cluster still replies, and which servers the cluster has. The connection
    /// is closed if it does not reply in time.
    pub(super) fn keep_alive(&self, cancel: &Cancel) -> Result<(), IndexError> {
        let link = self.link(cancel)?;
        let mut named = NamedCluster::default();
        self.request_cluster(cancel, &mut |part| named.take(part))?;
        let joined = self.join_cluster(&link, named.into_cluster().as_ref());
        if joined.is_err() {
            // The server belongs to another cluster now, with which another registration is made.
            self.rejoin(cancel)?;
        }
        Ok(())
    }

    /// The time until the server is asked whether it still replies, if it belongs to a cluster.
    pub(super) fn keep_alive_pause(&self) -> Option<Duration> {
        self.clusters.held_by(self.number)?;
        Some(part_of(self.limits.keep_alive, 768, 256))
    }

    /// Waits for the servers that were named before this one, so that the first of a cluster is used.
    pub(super) fn wait_for_earlier(&self) {
        let precedence = self.clusters.precedence();
        precedence.wait_for_earlier(self.number, limits::EARLIER_INDEXES, || self.is_closing());
    }

    /// Later servers need not wait for this one.
    pub(super) fn settle(&self) {
        self.clusters.precedence().settle(self.number);
    }

    /// Waits while another registration is made with the cluster of this server.
    pub(super) fn stand_by(&self, id: &ClusterId) {
        self.clusters.wait_until_free(id, || self.is_closing());
    }

    /// The same registration with another server of its cluster.
    pub(super) fn with_server(&self, server: KnownServer) -> Self {
        let expected = self.clusters.held_by(self.number).map(|(id, _)| id);
        self.successor(server, expected)
    }

    fn known(&self) -> KnownServer {
        let (endpoint, dialect) = (self.index.clone(), Arc::clone(&self.dialect));
        KnownServer { endpoint, provenance: self.provenance, dialect }
    }

    /// The next attempt after a failure.
    pub(super) fn next_attempt(&self, attempts: &mut Attempts, is_full: bool) -> Next {
        // A peer that had nothing to register knows the cluster from its queries.
        let held = self.clusters.held_by(self.number);
        let cluster = held.or_else(|| self.clusters.with(&self.index)).map(|(_, servers)| servers);
        attempts.next(&self.index, cluster, is_full)
    }
}

#[cfg(test)]
mod tests;
