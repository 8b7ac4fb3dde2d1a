//! The methods of requests, as they are counted.

use crate::counters::{RequestCounters, Tally};
use crate::protocol::IndexRequest;

/// The names of the methods. Faults, and requests of other programs only, count as the last one.
pub const INDEX_METHODS: [&str; 6] = ["ADD", "REMOVE", "LOOKUP", "LIST", "SEARCH", "other"];

/// The number of [`INDEX_METHODS`].
const COUNT: usize = INDEX_METHODS.len();
/// The position of the last one.
pub(super) const OTHER: usize = COUNT - 1;
/// The position of ADD.
pub(super) const ADD: usize = 0;

pub(super) type Counters = RequestCounters<COUNT>;
pub(super) type SessionTally = Tally<COUNT>;

/// The position of the method of a request.
pub(super) fn method_of(request: &IndexRequest) -> usize {
    match request {
        IndexRequest::Add { .. } => ADD,
        IndexRequest::Remove { .. } => 1,
        IndexRequest::Lookup { .. } => 2,
        IndexRequest::List { .. } => 3,
        IndexRequest::Search { .. } => 4,
    }
}
