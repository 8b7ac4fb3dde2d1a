//! The index server: it accepts peers and replies to their requests (protocol.md section 4).
//!
//! [`Server::run`] has an accept loop per listening address and a thread per connection. All of
//! them share one [`crate::index::Index`].
//!
//! | file | subject |
//! |---|---|
//! | `config` | how a server behaves; how many connections it accepts |
//! | `control` | changes of a server that runs |
//! | `listener` | listening sockets and accept loops |
//! | `session` | the requests of one connection, and the replies |
//! | `shared` | the state that all sessions share |
//! | `store` | where sessions change records: the index of this process, or the shared one of a cluster |
//! | `host_policy` | the host under which the records of a peer are listed |
//! | `budgets`, `account` | byte budgets for records and connections; the memory that a connection is charged |
//! | `fair_share`, `turns` | processor time: what a session has used, and turns for large requests |
//! | `buffers` | large buffers that sessions share |
//! | `logging`, `totals` | log targets; the totals that are logged at the end |
//! | `methods`, `monitor` | the methods as they are counted; what an operator sees |

mod account;
mod budgets;
mod buffers;
mod config;
mod control;
mod fair_share;
mod host_policy;
mod listener;
mod logging;
mod methods;
mod monitor;
mod session;
mod shared;
mod store;
mod totals;
mod turns;

#[doc(hidden)]
pub use budgets::{Budgets, memory_limit};
pub use config::Config;
#[doc(hidden)]
pub use config::{connection_limit, connection_memory};
pub use control::Control;
pub use host_policy::HostPolicy;
pub use listener::{BindError, Server};
pub use logging::{LOG_FAULTS, LOG_REQUESTS, LOG_SESSIONS};
pub use methods::INDEX_METHODS;
pub use monitor::{Monitor, Observation};
pub use totals::Totals;
