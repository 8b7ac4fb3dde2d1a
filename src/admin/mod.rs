//! What operators see of a program while it runs: metrics and health, over HTTP.
//!
//! | file | subject |
//! |---|---|
//! | `program` | a program that is observed, and the paths that every program has |
//! | `exposition`, `process` | writing metrics in the text format of OpenMetrics; those of the process |
//! | `server`, `peer` | an index server; a peer that shares |
//! | `request_metrics` | the metrics of requests that both have |

mod exposition;
mod peer;
mod process;
mod program;
mod request_metrics;
mod server;

pub use exposition::Exposition;
pub use peer::ObservedPeer;
pub use program::{Observed, router};
pub use server::ObservedServer;
