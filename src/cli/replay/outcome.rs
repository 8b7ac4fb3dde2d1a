//! The result of a replay.

use crate::replay::{Comparison, Difference, Exactness, Replayed, Script, compare};

/// A request, and what differs in its reply.
pub(super) struct Compared<'a> {
    pub(super) connection: &'a str,
    pub(super) request: &'a str,
    pub(super) differences: Vec<Difference>,
}

/// The result of a replay.
pub(super) struct Outcome<'a> {
    pub(super) compared: Vec<Compared<'a>>,
    pub(super) found: Comparison,
    /// Whether all requests could be sent.
    pub(super) is_complete: bool,
}

impl<'a> Outcome<'a> {
    /// Compares what was received with what was recorded.
    pub(super) fn new(script: &'a Script, replayed: &Replayed, exactness: Exactness) -> Self {
        let mut found = Comparison::default();
        let mut compared = Vec::new();
        for (scripted, received) in script.connections.iter().zip(&replayed.connections) {
            for (at, exchange) in scripted.exchanges.iter().enumerate() {
                let differences =
                    compare(exchange, received.get(at), exactness, script.ports(), &mut found);
                let (connection, request) = (scripted.name.as_str(), exchange.request.as_str());
                compared.push(Compared { connection, request, differences });
            }
        }
        Self { compared, found, is_complete: replayed.is_complete }
    }

    /// Whether all replies are equal.
    pub(super) fn is_equal(&self) -> bool {
        self.is_complete && self.compared.iter().all(|one| one.differences.is_empty())
    }
}
