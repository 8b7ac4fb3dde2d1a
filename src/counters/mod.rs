//! What many threads add to and few read: counts of requests by method and status, their latency, events by
//! cause, and the requests themselves while an operator watches.
//!
//! | file | subject |
//! |---|---|
//! | `requests` | requests, latency and bytes; each thread adds what it has counted by itself |
//! | `latency` | the distribution of times |
//! | `causes` | events that are rare, by cause |
//! | `live` | requests as they are answered, for operators who watch |

mod causes;
mod latency;
mod live;
mod requests;

pub use causes::{Cause, Causes};
pub use latency::{LATENCY_BOUNDS, Latency};
pub use live::{LiveRequest, LiveRequests, LiveWatch};
pub use requests::{RequestCounters, RequestTotals, STATUSES, Tally};
