//! P2P-CI

pub mod escape;
pub mod limits;
pub mod protocol;
