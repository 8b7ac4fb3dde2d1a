//! The options of the distributed hash table (docs/dht.md), and its node in a peer and in a server.
//!
//! A build without the feature `dht` has the options, and refuses them (`not_built`).

#[cfg(feature = "dht")]
mod joined;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::errors::command_error::CommandError;
use super::headings::NETWORK;
use super::values::endpoints::{Servers, index_server};
use crate::admin::ObservedTable;
use crate::library::SharedLibrary;
use crate::peer::HolderSource;
use crate::protocol::Endpoint;

/// The options of a peer.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DhtArgs {
    /// Find the holders of documents in a distributed hash table, too, and announce there what is
    /// shared; no index server has to be reachable. IPv4 only; `list` and `search` ask index
    /// servers alone
    #[arg(long, global = true, help_heading = NETWORK)]
    pub(super) dht: bool,

    /// Join the table of this node; may be given several times [default: that of the index server]
    #[arg(long, value_name = "HOST[:PORT]", value_parser = index_server, value_delimiter = ',', global = true, help_heading = NETWORK)]
    pub(super) bootstrap: Vec<Endpoint>,

    /// Use the public table of BitTorrent: strangers can see what this peer shares and looks for
    #[arg(long, conflicts_with = "bootstrap", global = true, help_heading = NETWORK)]
    pub(super) public_dht: bool,
}

/// A peer's part of the table. It leaves when it is dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    #[cfg(feature = "dht")]
    joined: Option<joined::Joined>,
}

impl DhtArgs {
    /// Whether the options name a table.
    pub(super) fn is_used(&self) -> bool {
        self.dht || self.public_dht || !self.bootstrap.is_empty()
    }

    /// Joins the table, if the options say so. A peer with an upload server stays in it.
    ///
    /// # Errors
    /// When the node cannot be started.
    pub(super) fn join(
        &self,
        servers: &Servers,
        uploads: Option<SocketAddr>,
    ) -> Result<Table, CommandError> {
        if !self.is_used() {
            return Ok(Table::default());
        }
        #[cfg(feature = "dht")]
        return joined::Joined::start(&self.bootstrap, self.public_dht, servers, uploads)
            .map(|joined| Table { joined: Some(joined) })
            .map_err(CommandError::Start);
        #[cfg(not(feature = "dht"))]
        {
            let _ = (servers, uploads);
            Ok(Table::default())
        }
    }
}

impl Table {
    /// The table as a source of holders.
    pub(super) fn sources(&self) -> Vec<Arc<dyn HolderSource>> {
        #[cfg(feature = "dht")]
        return self.joined.iter().map(joined::Joined::source).collect();
        #[cfg(not(feature = "dht"))]
        Vec::new()
    }

    /// The state of its node, for operators.
    pub(super) fn observed(&self) -> ObservedTable {
        #[cfg(feature = "dht")]
        return self.joined.as_ref().map(joined::Joined::observed).unwrap_or_default();
        #[cfg(not(feature = "dht"))]
        ObservedTable::default()
    }

    /// Announces the documents of a library until all clones of the table are dropped.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn announce(&self, library: &SharedLibrary) -> io::Result<()> {
        #[cfg(feature = "dht")]
        return self.joined.as_ref().map_or(Ok(()), |joined| joined.announce(library.clone()));
        #[cfg(not(feature = "dht"))]
        {
            let _ = library;
            Ok(())
        }
    }
}

/// A bootstrap node.
#[derive(Debug)]
pub(super) struct BootstrapNode {
    #[cfg(feature = "dht")]
    node: Arc<crate::dht::Node>,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl BootstrapNode {
    /// Starts the first node of a network.
    ///
    /// # Errors
    /// When the node cannot be started. A build without it is refused before.
    pub(super) fn start(listen: SocketAddr) -> io::Result<Self> {
        #[cfg(feature = "dht")]
        return joined::bootstrap_node(listen)
            .map(|node| Self { address: node.address().into(), node: Arc::new(node) });
        #[cfg(not(feature = "dht"))]
        {
            let _ = listen;
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Its state, for operators.
    pub(super) fn observed(&self) -> ObservedTable {
        #[cfg(feature = "dht")]
        return joined::observed(Arc::clone(&self.node), || None);
        #[cfg(not(feature = "dht"))]
        ObservedTable::default()
    }
}
