//! Sends the client side of a recorded conversation again, and compares the replies with the recorded ones
//! (protocol.md sections 3 to 6).
//!
//! | file | subject |
//! |---|---|
//! | `recording` | the recorded connections, and which of them are replayed |
//! | `unrecorded` | requests of which not all bytes were recorded |
//! | `script` | what is sent, what is waited for, and the recorded replies |
//! | `reply` | a reply as values |
//! | `exchanges` | the requests of a connection and their replies |
//! | `line` | a connection to the server, and what arrives on it |
//! | `run` | follows the script |
//! | `compare`, `compare_lines`, `difference` | what differs between two replies |

mod compare;
mod compare_lines;
mod difference;
mod exchanges;
mod line;
mod recording;
mod reply;
mod run;
mod script;
mod unrecorded;

pub(crate) use compare::{Comparison, Exactness, compare};
pub(crate) use difference::Difference;
pub(crate) use recording::{Choice, Recording, RecordingError};
pub(crate) use run::{Pace, Replayed, RunError, run};
pub(crate) use script::Script;
pub(crate) use unrecorded::NotSent;
