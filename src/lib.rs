//! P2P-CI

pub mod cli;
pub mod error_chain;
pub mod escape;
pub mod index;
pub mod library;
pub mod limits;
pub mod net;
pub mod peer;
pub mod protocol;
pub mod server;
pub mod system;
