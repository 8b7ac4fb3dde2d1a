//! The metrics of a node of the distributed hash table (docs/dht.md).

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::exposition::{Exposition, number};

/// The state of a node.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TableTotals {
    /// Other nodes that it knows.
    pub nodes: usize,
    /// Keys that it announces, and those of them that nodes have stored. `None` for a node that shares nothing.
    pub keys: Option<(usize, usize)>,
    /// Requests of other nodes.
    pub requests: u64,
    /// Announcements of others that it has refused.
    pub refused: u64,
}

/// The node of a program, if it has one.
#[derive(Clone, Default)]
pub struct ObservedTable(Option<Arc<dyn Fn() -> TableTotals + Send + Sync>>);

impl Debug for ObservedTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObservedTable").field(&self.totals()).finish()
    }
}

impl ObservedTable {
    /// A node whose state this returns.
    pub fn new(totals: impl Fn() -> TableTotals + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(totals)))
    }

    /// The state of the node.
    pub fn totals(&self) -> Option<TableTotals> {
        self.0.as_ref().map(|totals| totals())
    }

    /// Whether others find what the program shares by the table.
    pub(super) fn serves(&self) -> bool {
        let totals = self.totals();
        let stored = totals.and_then(|totals| totals.keys.filter(|_| totals.nodes > 0));
        stored.is_some_and(|(announced, stored)| announced == stored)
    }

    /// Adds the state of the node to the totals of the program.
    pub(super) fn summarize(&self, to: &mut Map<String, Value>) {
        let Some(TableTotals { nodes, keys, requests, refused }) = self.totals() else { return };
        to.insert("table_nodes".into(), nodes.into());
        if let Some((announced, stored)) = keys {
            to.insert("table_keys".into(), announced.into());
            to.insert("table_stored_keys".into(), stored.into());
        }
        to.insert("table_requests".into(), requests.into());
        to.insert("table_refusals".into(), refused.into());
    }

    /// Writes the metrics of the node.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn expose(&self, to: &mut Exposition<'_>) -> fmt::Result {
        let Some(TableTotals { nodes, keys, requests, refused }) = self.totals() else {
            return Ok(());
        };
        let help = "Other nodes of the distributed hash table that are known";
        to.gauge("p2p_ci_table_nodes", help, number(nodes))?;
        if let Some((announced, stored)) = keys {
            let help = "Keys of documents, or of buckets of documents, that are announced";
            to.gauge("p2p_ci_table_keys", help, number(announced))?;
            let help = "Announced keys that nodes have stored";
            to.gauge("p2p_ci_table_stored_keys", help, number(stored))?;
        }
        let help = "Requests of other nodes";
        to.counter("p2p_ci_table_requests", help, number(requests))?;
        let help = "Announcements of other nodes that were refused";
        to.counter("p2p_ci_table_refusals", help, number(refused))
    }
}
