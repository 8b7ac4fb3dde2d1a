//! The table as a source of holders, which replies like an index server that knows LOOKUP alone.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::finding::Finding;
use super::node::{DhtError, Node};
use super::starting::Bootstrap;
use super::titles::Titles;
use crate::discovery::{
    AskIndex, Completeness, IndexDialect, IndexError, ListCache, Query, Row, pass_on,
};
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::{AddressPolicy, Provenance};
use crate::protocol::{Content, Document, Endpoint, Record, ReplyPart, Title};

/// A node that is asked for holders.
#[derive(Debug)]
pub struct DhtSource {
    node: Arc<Node>,
    limits: limits::Dht,
    name: Endpoint,
    /// The title of a document whose holder was not asked.
    no_title: Title,
    titles: Titles,
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
        let no_title = "".parse().map_err(io::Error::other)?;
        let provenance = Provenance::Dht(reach(&node.config().bootstrap));
        let (dialect, list) = (IndexDialect::default(), ListCache::default());
        // It accepts names of files.
        dialect.show_extensions();
        let titles = Titles::default();
        Ok(Self { node, limits, name, no_title, titles, provenance, dialect, list })
    }

    /// The records of the holders of a document. The table knows no titles, and the first holders are asked for them.
    ///
    /// # Errors
    /// When the table was not asked.
    fn rows(&self, document: &Document) -> Result<Vec<Row>, IndexError> {
        let found = Finding::start(&self.node, document, self.limits)
            .and_then(|finding| finding.all(self.limits))
            .map_err(|error| IndexError::NoTable { reason: self.reason(&error) })?;
        let row = |holder: Endpoint| {
            let (document, title) = (document.clone(), self.no_title.clone());
            (Record { document, title, holder }, Content::default())
        };
        let endpoints = found.into_iter().map(|found| found.address.to_string().parse());
        let mut rows: Vec<Row> = endpoints.filter_map(|endpoint| endpoint.ok().map(row)).collect();
        self.titles.add(document, &mut rows, self.provenance, self.limits);
        Ok(rows)
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
        let Query::Lookup { document, want_attributes, .. } = query else {
            return Err(IndexError::NotListed);
        };
        let mut rows = self.rows(document)?;
        if !want_attributes {
            rows.iter_mut().for_each(|(_, content)| *content = Content::default());
        }
        let is_refused = rows.is_empty();
        pass_on(rows, is_refused, take).map_err(IndexError::Taker)?;
        Ok(Completeness::Complete)
    }

    /// Asks nothing: this is called for the documents of lists, and the table is not listed.
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
