//! Counts that many threads add to and few read: requests by method and status, their latency, and events by
//! cause.
//!
//! | file | subject |
//! |---|---|
//! | `requests` | requests, latency and bytes; each thread adds what it has counted by itself |
//! | `latency` | the distribution of times |
//! | `causes` | events that are rare, by cause |

mod causes;
mod latency;
mod requests;

pub use causes::{Cause, Causes};
pub use latency::{LATENCY_BOUNDS, Latency};
pub use requests::{RequestCounters, RequestTotals, STATUSES, Tally};
