//! The node of a peer, and a bootstrap node.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, ToSocketAddrs};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;

use crate::admin::{ObservedTable, TableTotals};
use crate::cli::values::endpoints::Servers;
use crate::dht::{Announcer, Bootstrap, DhtSource, Node, NodeConfig, Role, keys};
use crate::library::SharedLibrary;
use crate::limits;
use crate::peer::HolderSource;
use crate::protocol::{Document, Endpoint};

/// A node of a peer.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    node: Arc<Node>,
    source: Arc<DhtSource>,
    upload_port: Option<u16>,
    /// Set when documents are announced.
    announcer: Arc<OnceLock<Weak<Announcer>>>,
}

impl Joined {
    pub(super) fn start(
        bootstrap: &[Endpoint],
        is_public: bool,
        servers: &Servers,
        uploads: Option<SocketAddr>,
    ) -> io::Result<Self> {
        let bootstrap = match is_public {
            true => {
                log::warn!(
                    "--public-dht: strangers can see what this peer shares and looks for, and its address"
                );
                Bootstrap::Public
            }
            false if bootstrap.is_empty() => Bootstrap::Nodes(resolved(servers.all())?),
            false => Bootstrap::Nodes(resolved(bootstrap.iter())?),
        };
        let role = if uploads.is_some() { Role::Member } else { Role::Reader };
        let port = uploads.map_or(0, |address| address.port());
        let listen = SocketAddrV4::new(own_address(uploads, &bootstrap), port);
        let start = |listen| Node::start(NodeConfig { listen, bootstrap: bootstrap.clone(), role });
        // The port of uploads, if no other program uses its number for UDP.
        let anywhere = SocketAddrV4::new(*listen.ip(), 0);
        let node = start(listen).or_else(|_| start(anywhere)).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot join the distributed hash table: {error}"))
        })?;
        let node = Arc::new(node);
        let source = Arc::new(DhtSource::new(Arc::clone(&node), limits::Dht::DEFAULT)?);
        let upload_port = uploads.map(|address| address.port());
        Ok(Self { node, source, upload_port, announcer: Arc::default() })
    }

    pub(super) fn source(&self) -> Arc<dyn HolderSource> {
        Arc::<DhtSource>::clone(&self.source)
    }

    /// The state of the node.
    pub(super) fn observed(&self) -> ObservedTable {
        let announcer = Arc::clone(&self.announcer);
        observed(Arc::clone(&self.node), move || {
            let announced = announcer.get().and_then(Weak::upgrade)?.announced();
            Some((announced.keys, announced.stored))
        })
    }

    /// Announces the documents of a library, which is read at intervals.
    pub(super) fn announce(&self, library: SharedLibrary) -> io::Result<()> {
        let Some(port) = self.upload_port else { return Ok(()) };
        let announcer = Announcer::start(Arc::clone(&self.node), port, limits::Dht::DEFAULT)?;
        let announcer = Arc::new(announcer);
        self.announcer.get_or_init(|| Arc::downgrade(&announcer));
        // The announcer has the node, so its end is that of the source.
        let peer = Arc::downgrade(&self.source);
        thread::Builder::new()
            .name("dht-library".into())
            .spawn(move || follow(&library, &announcer, &peer))
            .map(drop)
    }
}

/// The state of a node, with the keys that it announces and those of them that are stored.
pub(super) fn observed(
    node: Arc<Node>,
    keys: impl Fn() -> Option<(usize, usize)> + Send + Sync + 'static,
) -> ObservedTable {
    ObservedTable::new(move || TableTotals {
        // A node that has failed is started again with the next query.
        nodes: node.known_nodes().unwrap_or(0),
        keys: keys(),
        requests: node.requests(),
        refused: node.refused(),
    })
}

/// Announces what is in the library until the peer has ended.
fn follow(library: &SharedLibrary, announcer: &Announcer, peer: &Weak<DhtSource>) {
    let mut announced: Vec<Document> = Vec::new();
    while peer.strong_count() > 0 {
        // Each document is hashed for its key, so unchanged ones are only compared.
        let has_changed = !library.read().documents().map(|(document, _)| document).eq(&announced);
        if has_changed {
            announced = library.read().documents().map(|(document, _)| document.clone()).collect();
            announcer.set(&keys(announced.iter()));
        }
        thread::sleep(limits::DHT_LIBRARY);
    }
}

/// The first node of a network.
pub(super) fn bootstrap_node(listen: SocketAddr) -> io::Result<Node> {
    let listen = match listen {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(address) if address.ip().is_unspecified() => {
            SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, address.port())
        }
        SocketAddr::V6(address) => {
            let text = format!("expected an IPv4 address for --dht, found {address}");
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
    };
    let bootstrap = Bootstrap::Nodes(Vec::new());
    Node::start(NodeConfig { listen, bootstrap, role: Role::Member })
}

/// The address at which the node listens: that of uploads, or loopback if the whole table is there.
fn own_address(uploads: Option<SocketAddr>, bootstrap: &Bootstrap) -> Ipv4Addr {
    match (uploads, bootstrap) {
        (Some(SocketAddr::V4(address)), _) if !address.ip().is_unspecified() => *address.ip(),
        (_, Bootstrap::Nodes(nodes)) if nodes.iter().all(|node| node.ip().is_loopback()) => {
            Ipv4Addr::LOCALHOST
        }
        _ => Ipv4Addr::UNSPECIFIED,
    }
}

/// The IPv4 addresses of nodes.
fn resolved<'a>(nodes: impl Iterator<Item = &'a Endpoint>) -> io::Result<Vec<SocketAddrV4>> {
    let (mut addresses, mut names) = (Vec::new(), Vec::new());
    for node in nodes {
        names.push(node.to_string());
        match (node.host.as_str(), node.port.value()).to_socket_addrs() {
            Ok(found) => addresses.extend(found.filter_map(|address| match address {
                SocketAddr::V4(address) => Some(address),
                SocketAddr::V6(_) => None,
            })),
            Err(error) => log::warn!("{node} is no bootstrap node: {error}"),
        }
    }
    addresses.truncate(limits::DHT_BOOTSTRAP_NODES);
    if addresses.is_empty() {
        let names = names.join(", ");
        let text = format!(
            "expected a bootstrap node with an IPv4 address, found {names}: name one with --bootstrap"
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    Ok(addresses)
}
