//! The code that `bench` and `torture` share: output, the programs that they start, and connections to
//! them.

pub(crate) mod output;
pub(crate) mod programs;
pub(crate) mod talk;
