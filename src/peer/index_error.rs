//! Why an index server gave no records.

use std::io;

use crate::escape::escaped;
use crate::protocol::{DecodeError, Endpoint, HeaderText, Refusal, Status};

/// Why the index did not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It cannot be reached.
    #[error("cannot reach the index {index}")]
    Unreachable {
        /// The index.
        index: Endpoint,
        /// What the system says.
        source: io::Error,
    },
    /// The connection broke.
    #[error("lost the index {index}")]
    Lost {
        /// The index.
        index: Endpoint,
        /// What the system says.
        source: io::Error,
    },
    /// There is no connection at present, for this reason.
    #[error("{0}")]
    Away(String),
    /// What it sent is no reply.
    #[error("the index {index} broke the protocol")]
    Protocol {
        /// The index.
        index: Endpoint,
        /// What is wrong with it.
        source: Box<DecodeError>,
    },
    /// It refused the request.
    #[error("the index {index} refused: {}{}", Status::from(*.refusal), shown_reason(.reason.as_ref()))]
    Refused {
        /// The index.
        index: Endpoint,
        /// The status.
        refusal: Refusal,
        /// The explanation, if the index sent one.
        reason: Option<HeaderText>,
    },
    /// Whoever takes the reply cannot take more of it.
    #[error("cannot pass on the reply of the index")]
    Taker(#[source] io::Error),
}

fn shown_reason(reason: Option<&HeaderText>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({})", escaped(&reason.to_string())))
}
