//! Several index servers with one index, and the cables that connect their machines (feature `cluster`, on Unix).
//!
//! | file | subject |
//! |---|---|
//! | `store` | the Redis or Valkey of a laboratory |
//! | `relay` | a cable that can be disconnected |

mod relay;
mod store;

pub(super) use relay::{Cable, Relay};
pub(super) use store::Store;
