//! The clusters of index servers that a program knows (protocol.md section 4.13).
//!
//! The registrations and the queries of a program share them: one registration is made with each cluster, and
//! queries go to one of its servers.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::index_dialect::IndexDialect;
use super::precedence::Precedence;
use crate::limits;
use crate::net::Provenance;
use crate::protocol::{Cluster, ClusterId, Endpoint};

/// An index server that this program may use.
#[derive(Clone, Debug)]
pub struct KnownServer {
    /// Its name.
    pub endpoint: Endpoint,
    /// Where the name was learned from.
    pub provenance: Provenance,
    /// The properties that it has shown.
    pub dialect: Arc<IndexDialect>,
}

/// The clusters. Each of their changes is made under one lock.
#[derive(Debug, Default)]
pub struct Clusters {
    known: Mutex<Vec<Known>>,
    changed: Condvar,
    precedence: Precedence,
}

#[derive(Debug)]
struct Known {
    id: ClusterId,
    /// The registration with the cluster, by its number.
    holder: Option<usize>,
    /// The server with which it is registered, or was last.
    current: Option<Endpoint>,
    servers: Vec<KnownServer>,
}

/// Which registration is made with the cluster of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Assignment {
    /// The server belongs to no cluster.
    NoCluster,
    /// The registration that has asked.
    Granted(ClusterId),
    /// Another registration, with this server of the cluster if it is known.
    HeldByOther(ClusterId, Option<Endpoint>),
}

impl Clusters {
    /// Which registration is made first with the cluster of their servers.
    pub(crate) fn precedence(&self) -> &Precedence {
        &self.precedence
    }

    /// Records what a server has replied to the registration with this number, and decides which registration is
    /// made with its cluster: the first one that has asked. `address` is the address of the server.
    pub fn assign(
        &self,
        number: usize,
        server: &KnownServer,
        address: SocketAddr,
        cluster: Option<&Cluster>,
    ) -> Assignment {
        let mut known = self.lock();
        for one in known.iter_mut() {
            let is_other = cluster.is_none_or(|cluster| one.id != *cluster.id());
            if is_other && one.holder == Some(number) {
                (one.holder, one.current) = (None, None);
            }
        }
        learn(&mut known, server, address, cluster);
        let of = cluster.and_then(|cluster| known.iter_mut().find(|one| one.id == *cluster.id()));
        let assignment = match of {
            None => Assignment::NoCluster,
            Some(one) if one.holder.is_none_or(|holder| holder == number) => {
                one.holder = Some(number);
                one.current = Some(server.endpoint.clone());
                Assignment::Granted(one.id.clone())
            }
            Some(one) => Assignment::HeldByOther(one.id.clone(), one.current.clone()),
        };
        forget_unused(&mut known);
        drop(known);
        self.changed.notify_all();
        assignment
    }

    /// Records what a server has replied to a query.
    pub fn learn(&self, server: &KnownServer, address: SocketAddr, cluster: Option<&Cluster>) {
        let mut known = self.lock();
        learn(&mut known, server, address, cluster);
        forget_unused(&mut known);
    }

    /// The cluster with which the registration with this number is made, and its servers.
    pub fn held_by(&self, number: usize) -> Option<(ClusterId, Vec<KnownServer>)> {
        let known = self.lock();
        let one = known.iter().find(|one| one.holder == Some(number))?;
        Some((one.id.clone(), one.servers.clone()))
    }

    /// The servers of the cluster to which this server belongs. The server of the registration comes first.
    pub fn with(&self, server: &Endpoint) -> Option<(ClusterId, Vec<KnownServer>)> {
        let known = self.lock();
        let has = |one: &&Known| one.servers.iter().any(|known| known.endpoint == *server);
        let one = known.iter().find(has)?;
        let mut servers = one.servers.clone();
        servers.sort_by_key(|known| one.current.as_ref() != Some(&known.endpoint));
        Some((one.id.clone(), servers))
    }

    /// Waits until no registration is made with this cluster, or `is_over`.
    pub fn wait_until_free(&self, id: &ClusterId, is_over: impl Fn() -> bool) {
        let mut known = self.lock();
        while known.iter().any(|one| one.id == *id && one.holder.is_some()) && !is_over() {
            let waited = self.changed.wait_timeout(known, limits::INTERRUPT_POLL);
            known = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Known>> {
        // A change that a panic has interrupted leaves a list of servers that may be incomplete.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records a server and the servers that it has named. They replace the servers that its cluster has named before.
/// Servers that the user has named stay.
fn learn(
    known: &mut Vec<Known>,
    server: &KnownServer,
    address: SocketAddr,
    cluster: Option<&Cluster>,
) {
    for one in known.iter_mut() {
        if cluster.is_none_or(|cluster| one.id != *cluster.id()) {
            one.servers.retain(|known| known.endpoint != server.endpoint);
            server.dialect.set_replaceable(false);
        }
    }
    let Some(cluster) = cluster else { return };
    let at = known.iter().position(|one| one.id == *cluster.id()).unwrap_or(known.len());
    if at == known.len() {
        let id = cluster.id().clone();
        known.push(Known { id, holder: None, current: None, servers: Vec::new() });
    }
    let Some(one) = known.get_mut(at) else { return };
    let before = std::mem::take(&mut one.servers);
    one.servers.push(server.clone());
    let of_user = before.iter().filter(|known| known.provenance == Provenance::User);
    let named = cluster.servers().iter().map(|endpoint| {
        let endpoint = known_name(before.iter().chain([server]), endpoint);
        let dialect = before.iter().find(|known| known.endpoint == endpoint);
        let dialect = dialect.map(|known| Arc::clone(&known.dialect));
        let limits = server.dialect.limits().of_cluster();
        KnownServer {
            endpoint,
            provenance: Provenance::Index(address),
            dialect: dialect.unwrap_or_else(|| Arc::new(IndexDialect::with_limits(limits))),
        }
    });
    for server in of_user.cloned().chain(named) {
        if one.servers.iter().all(|known| known.endpoint != server.endpoint) {
            one.servers.push(server);
        }
    }
    one.servers.truncate(limits::INDEX_SERVERS + limits::CLUSTER_SERVERS);
    let is_replaceable = one.servers.len() > 1;
    one.servers.iter().for_each(|server| server.dialect.set_replaceable(is_replaceable));
}

/// The name under which a server is known that its cluster has named: the names that DNS has named end with a dot.
fn known_name<'a>(known: impl Iterator<Item = &'a KnownServer>, named: &Endpoint) -> Endpoint {
    fn relative(endpoint: &Endpoint) -> (&str, u16) {
        let host = endpoint.host.as_str();
        (host.strip_suffix('.').unwrap_or(host), endpoint.port.value())
    }
    let mut endpoints = known.map(|known| &known.endpoint);
    endpoints.find(|known| relative(known) == relative(named)).unwrap_or(named).clone()
}

/// Removes clusters with which no registration is made, and of which the user has named no server. A server may name
/// another cluster in each reply.
fn forget_unused(known: &mut Vec<Known>) {
    let is_of_user = |server: &KnownServer| server.provenance == Provenance::User;
    known.retain(|one| one.holder.is_some() || one.servers.iter().any(is_of_user));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, provenance: Provenance) -> KnownServer {
        let dialect = Arc::new(IndexDialect::default());
        KnownServer { endpoint: name.parse().unwrap(), provenance, dialect }
    }

    fn cluster(id: &str, servers: &[&str]) -> Cluster {
        let mut cluster = Cluster::new(id.parse().unwrap());
        for server in servers {
            cluster.add(server.parse().unwrap());
        }
        cluster
    }

    fn names(servers: &[KnownServer]) -> Vec<String> {
        servers.iter().map(|known| known.endpoint.to_string()).collect()
    }

    /// DNS has named it with a dot at the end.
    #[test]
    fn a_server_is_known_by_one_name() {
        let (clusters, server) = (Clusters::default(), server("a.example.:1", Provenance::User));
        let named = cluster("c", &["a.example:1", "b.example:1"]);
        clusters.learn(&server, "127.0.0.1:1".parse().unwrap(), Some(&named));
        let (_, servers) = clusters.with(&server.endpoint).unwrap();
        let names: Vec<String> = servers.iter().map(|one| one.endpoint.to_string()).collect();
        assert_eq!(names, ["a.example.:1", "b.example:1"]);
    }

    #[test]
    fn one_registration_is_made_with_each_cluster() {
        let (clusters, address) = (Clusters::default(), "192.0.2.1:7734".parse().unwrap());
        let (a, b) = (server("a:1", Provenance::User), server("b:1", Provenance::User));
        let one = cluster("one", &["c:1"]);
        let id = one.id().clone();
        assert_eq!(clusters.assign(0, &a, address, None), Assignment::NoCluster);
        assert_eq!(clusters.assign(0, &a, address, Some(&one)), Assignment::Granted(id.clone()));
        let other = Assignment::HeldByOther(id.clone(), Some(a.endpoint.clone()));
        assert_eq!(clusters.assign(1, &b, address, Some(&one)), other);
        let (_, servers) = clusters.held_by(0).unwrap();
        assert_eq!(names(&servers), ["b:1", "a:1", "c:1"]);
        assert_eq!(servers[2].provenance, Provenance::Index(address));
        assert_eq!(names(&clusters.with(&b.endpoint).unwrap().1), ["a:1", "b:1", "c:1"]);
        assert!(clusters.held_by(1).is_none());
        // The first server belongs to another cluster now.
        let two = Assignment::Granted("two".parse().unwrap());
        assert_eq!(clusters.assign(0, &a, address, Some(&cluster("two", &[]))), two);
        clusters.wait_until_free(&id, || panic!("no registration holds the cluster"));
        assert_eq!(clusters.assign(1, &b, address, Some(&one)), Assignment::Granted(id));
        assert_eq!(names(&clusters.held_by(1).unwrap().1), ["b:1", "c:1"]);
    }

    #[test]
    fn a_later_list_replaces_the_servers_that_the_user_has_not_named() {
        let (clusters, address) = (Clusters::default(), "192.0.2.1:7734".parse().unwrap());
        let a = server("a:1", Provenance::User);
        clusters.learn(&a, address, Some(&cluster("one", &["b:1", "a:1"])));
        clusters.learn(&a, address, Some(&cluster("one", &["c:1"])));
        assert_eq!(names(&clusters.with(&a.endpoint).unwrap().1), ["a:1", "c:1"]);
        clusters.learn(&a, address, None);
        assert!(clusters.with(&a.endpoint).is_none());
    }

    #[test]
    fn a_server_that_names_another_cluster_each_time_takes_no_more_memory() {
        let (clusters, address) = (Clusters::default(), "192.0.2.1:7734".parse().unwrap());
        let (a, b) = (server("a:1", Provenance::User), server("b:1", Provenance::Index(address)));
        for round in 0..100 {
            let named = cluster(&format!("registered-{round}"), &["c:1", "d:1"]);
            clusters.assign(0, &a, address, Some(&named));
            clusters.learn(&b, address, Some(&cluster(&format!("asked-{round}"), &["e:1", "f:1"])));
        }
        assert_eq!(clusters.lock().len(), 1);
        assert_eq!(clusters.held_by(0).unwrap().0.as_str(), "registered-99");
    }

    #[test]
    fn the_number_of_servers_is_bounded_whatever_is_named() {
        let (clusters, address) = (Clusters::default(), "192.0.2.1:7734".parse().unwrap());
        let a = server("a:1", Provenance::User);
        for round in 0..100 {
            let named: Vec<String> = (0..16).map(|at| format!("h{round}-{at}:1")).collect();
            let named: Vec<&str> = named.iter().map(String::as_str).collect();
            clusters.learn(&a, address, Some(&cluster("one", &named)));
        }
        assert_eq!(clusters.with(&a.endpoint).unwrap().1.len(), 17);
    }
}
