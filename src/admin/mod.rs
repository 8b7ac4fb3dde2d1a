//! What operators see of a program while it runs, and what they do with it, over HTTP: metrics, health, commands.
//!
//! | file | subject |
//! |---|---|
//! | `program`, `routes` | a program that is observed, and the paths that every program has |
//! | `control` | commands: a list of connections, closing them, bans, an orderly end |
//! | `exposition`, `process` | writing metrics in the text format of OpenMetrics; those of the process |
//! | `server`, `peer` | an index server; a peer that shares |
//! | `cluster` | a server that shares its index with others |
//! | `table` | a node of the distributed hash table |
//! | `request_metrics` | the metrics of requests that both have |

#[cfg(feature = "cluster")]
mod cluster;
mod control;
mod exposition;
mod peer;
mod process;
mod program;
mod request_metrics;
mod routes;
mod server;
mod table;

pub use control::{Refused, ban, bans, kick, log_change, unban};
pub use exposition::Exposition;
pub use peer::ObservedPeer;
pub use program::Observed;
pub use routes::router;
pub use server::ObservedServer;
pub use table::{ObservedTable, TableTotals};
