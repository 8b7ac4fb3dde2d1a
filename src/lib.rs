//! P2P-CI

pub mod escape;
pub mod index;
pub mod limits;
pub mod protocol;
