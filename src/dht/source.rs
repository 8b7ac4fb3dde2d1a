//! The table as a source of holders, which replies like an index server that knows LOOKUP alone.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::finding::Finding;
use super::node::{Bootstrap, Node};
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
        Ok(Self { node, limits, name, title, provenance, dialect, list })
    }

    /// The records of the holders of a document. The table knows no titles.
    fn records(&self, document: &Document) -> Vec<Record> {
        let finding = match Finding::start(&self.node, document, self.limits) {
            Ok(finding) => finding,
            Err(error) => {
                log::warn!("{document} is not searched in the table: {}", error_chain(&error));
                return Vec::new();
            }
        };
        let found = finding.all(self.limits).into_iter();
        let record = |holder: Endpoint| Record {
            document: document.clone(),
            title: self.title.clone(),
            holder,
        };
        found.filter_map(|found| found.address.to_string().parse().ok().map(record)).collect()
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
        self.dialect.show_extensions();
        let mut take = |part, bytes: &[u8]| take(part, bytes).map_err(IndexError::Taker);
        if let Query::Lookup { document, .. } = query {
            let records = self.records(document);
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
        } else {
            // Nothing can be listed or searched.
            take(ReplyPart::Found, b"")?;
        }
        take(ReplyPart::End, b"\r\n")?;
        Ok(Completeness::Complete)
    }

    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        for document in documents {
            self.records(document).into_iter().for_each(|record| take(ReplyPart::Record(record)));
        }
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
