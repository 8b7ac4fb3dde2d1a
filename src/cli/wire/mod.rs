//! `--wire`: the exchange of this process, as it happens (protocol.md sections 3 to 6).
//!
//! The connections are observed where `--record` records them, so without the option they have no code of
//! it. Their threads only append copies of the bytes to a bounded queue. One thread explains and prints
//! them, so no connection waits for a terminal.
//!
//! | file | subject |
//! |---|---|
//! | `options`, `form` | the option and its forms; starting |
//! | `queue` | the bytes that wait to be printed |
//! | `screen` | the thread that prints, and where |
//! | `exchange` | all connections |
//! | `connection` | one connection: its parties, its lines |
//! | `line` | a line with its meaning, as `p2p-ci explain` prints it, too |

mod connection;
mod exchange;
pub(super) mod form;
pub(super) mod line;
pub(super) mod options;
mod queue;
pub(super) mod screen;
