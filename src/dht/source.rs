//! The table as a source of holders, which replies like an index server that knows LOOKUP alone.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::finding::Finding;
use super::node::{DhtError, Node};
use super::starting::Bootstrap;
use crate::discovery::{AskIndex, Completeness, IndexDialect, IndexError, ListCache, Query};
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::{AddressPolicy, Provenance};
use crate::protocol::{Document, Endpoint, Record, Refusal, ReplyPart, Title, encode_record};

/// A node that is asked for holders.
#[derive(Debug)]
pub struct DhtSource {
    node: Arc<Node>,
    limits: limits::Dht,
    name: Endpoint,
    title: Title,
    provenance: Provenance,
    dialect: IndexDialect,
    list: ListCache,
}

impl DhtSource {
    /// Asks this node.
    ///
    /// # Errors
    /// When the address of the node is no endpoint.
    pub fn new(node: Arc<Node>, limits: limits::Dht) -> io::Result<Self> {
        let name = node.address().to_string().parse().map_err(io::Error::other)?;
        let title = "".parse().map_err(io::Error::other)?;
        let provenance = Provenance::Dht(reach(&node.config().bootstrap));
        let (dialect, list) = (IndexDialect::default(), ListCache::default());
        // It accepts names of files.
        dialect.show_extensions();
        Ok(Self { node, limits, name, title, provenance, dialect, list })
    }

    /// The records of the holders of a document. The table knows no titles.
    ///
    /// # Errors
    /// When the table was not asked.
    fn records(&self, document: &Document) -> Result<Vec<Record>, IndexError> {
        let found = Finding::start(&self.node, document, self.limits)
            .and_then(|finding| finding.all(self.limits))
            .map_err(|error| IndexError::NoTable { reason: self.reason(&error) })?;
        let record = |holder: Endpoint| Record {
            document: document.clone(),
            title: self.title.clone(),
            holder,
        };
        let endpoints = found.into_iter().map(|found| found.address.to_string().parse());
        Ok(endpoints.filter_map(|endpoint| endpoint.ok().map(record)).collect())
    }

    /// Why the table was not asked, and the remedy.
    fn reason(&self, error: &DhtError) -> String {
        match (error, &self.node.config().bootstrap) {
            (DhtError::NoNodes, Bootstrap::Nodes(nodes)) => {
                let shown = nodes.iter().take(3).map(ToString::to_string).collect::<Vec<_>>();
                let more = if nodes.len() > shown.len() { ", …" } else { "" };
                format!(
                    "none of its nodes replies at {}{more}: does `server --dht` run there, and does a firewall \
                     let UDP through? --bootstrap names another node",
                    shown.join(", ")
                )
            }
            (error, _) => error_chain(error),
        }
    }
}

/// The address of the table that counts for the policy of addresses: that of the least local bootstrap node.
/// The public table has the unspecified address, which counts as public.
fn reach(bootstrap: &Bootstrap) -> SocketAddr {
    let widest = match bootstrap {
        Bootstrap::Nodes(nodes) => nodes
            .iter()
            .copied()
            .map(SocketAddr::V4)
            .min_by_key(|node| AddressPolicy::locality(node.ip())),
        Bootstrap::Public => None,
    };
    widest.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
}

impl AskIndex for DhtSource {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let mut take = |part, bytes: &[u8]| take(part, bytes).map_err(IndexError::Taker);
        let Query::Lookup { document, .. } = query else { return Err(IndexError::NotListed) };
        let records = self.records(document)?;
        if records.is_empty() {
            take(ReplyPart::Refused(Refusal::NotFound), b"")?;
            return Ok(Completeness::Complete);
        }
        take(ReplyPart::Found, b"")?;
        for record in records {
            let mut bytes = Vec::new();
            encode_record(record.borrowed(), &mut bytes);
            take(ReplyPart::Record(record), &bytes)?;
        }
        take(ReplyPart::End, b"\r\n")?;
        Ok(Completeness::Complete)
    }

    /// Asks nothing: this is called for attributes, and the table has none.
    fn look_up_all(&self, _: &[&Document], _: &mut dyn FnMut(ReplyPart)) -> Result<(), IndexError> {
        Ok(())
    }

    fn server(&self) -> &Endpoint {
        &self.name
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        Ok(self.provenance)
    }

    fn dialect(&self) -> &IndexDialect {
        &self.dialect
    }

    fn list_cache(&self) -> &ListCache {
        &self.list
    }
}
