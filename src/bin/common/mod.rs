//! What the programs of measurement share: they are the index and the peer, too, and speak to both.

pub(crate) mod programs;
pub(crate) mod talk;
