//! Code that the measurements (`benches/system`) and the attacks (`tests/torture`) share: their output, the
//! programs that they start, and connections to them.

pub(crate) mod output;
pub(crate) mod programs;
pub(crate) mod talk;
