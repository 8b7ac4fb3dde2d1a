//! Why an index server returned no records (protocol.md section 6.1).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::error_chain::error_chain;
use crate::escape::escaped;
use crate::protocol::{ClusterId, DecodeError, Document, Endpoint, HeaderText, Refusal, Status};

/// Why the index returned no records.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// It cannot be reached.
    #[error("cannot reach the index {index}")]
    Unreachable {
        /// The index.
        index: Endpoint,
        /// The error of the system.
        source: io::Error,
    },
    /// The connection broke.
    #[error("lost the index {index}")]
    Lost {
        /// The index.
        index: Endpoint,
        /// The error of the system.
        source: io::Error,
    },
    /// It sent nothing in time.
    #[error("the index {index} sent no reply within {} s", .waited.as_secs())]
    Silent {
        /// The index.
        index: Endpoint,
        /// How long this program waited.
        waited: Duration,
    },
    /// Its reply ended too early.
    #[error(
        "the index {index} violated the protocol: expected {expected}, found nothing after {last}"
    )]
    Unfinished {
        /// The index.
        index: Endpoint,
        /// The missing part of the reply.
        expected: &'static str,
        /// The last line that it sent.
        last: String,
    },
    /// The index closed the connection after this program had not read its reply for a while.
    #[error(
        "the reply of the index {index} was cut off after its output here had not been read for {} s; \
         an index closes such connections. Write the output to a file to pause in it",
        .paused.as_secs()
    )]
    NotRead {
        /// The index.
        index: Endpoint,
        /// How long this program did not read.
        paused: Duration,
    },
    /// It answered requests in none of the known forms.
    #[error("{reason}; requests were sent in these forms: {tried}")]
    NoForm {
        /// How the last attempt failed.
        reason: String,
        /// Whether that may be different on a new connection.
        is_transient: bool,
        /// The forms.
        tried: String,
    },
    /// It sent bytes that were not requested.
    #[error("the index {index} violated the protocol: expected nothing, found {found}")]
    Unsolicited {
        /// The index.
        index: Endpoint,
        /// The bytes that it sent, escaped.
        found: String,
    },
    /// It was named as a server of a cluster.
    #[error(
        "expected the index {index} to name the cluster {cluster}, found another cluster or none"
    )]
    NotInCluster {
        /// The index.
        index: Endpoint,
        /// The cluster.
        cluster: ClusterId,
    },
    /// Another registration is made with its cluster.
    #[error(
        "the index {index} belongs to the cluster {cluster}, and documents are registered with {}",
        with.as_ref().map_or_else(|| "another server of it".into(), ToString::to_string)
    )]
    OtherOfCluster {
        /// The index.
        index: Endpoint,
        /// The cluster.
        cluster: ClusterId,
        /// The server of the registration.
        with: Option<Endpoint>,
    },
    /// Several index servers were asked, and none has replied.
    #[error("none of {} index servers has replied: {}", .0.len(), causes(.0))]
    All(Vec<IndexError>),
    /// There is no connection at present, for this reason.
    #[error(transparent)]
    Away(Arc<IndexError>),
    /// The request was cancelled here.
    #[error("the request to the index {index} was cancelled")]
    Cancelled {
        /// The index.
        index: Endpoint,
    },
    /// The registration has ended.
    #[error("this peer is closing its registration")]
    Leaving,
    /// It sent bytes that are not a reply.
    #[error("the index {index} violated the protocol")]
    Protocol {
        /// The index.
        index: Endpoint,
        /// The fault in the reply.
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
    /// It has listed no holder of a document in a reply that was cut off.
    #[error("no holder of {document} is known, because {reason}")]
    CutOff {
        /// The document.
        document: Document,
        /// The missing part, for people.
        reason: String,
        /// The error that ended the reply, if there was one.
        cause: Option<Arc<IndexError>>,
    },
    /// It has answered a LOOKUP with records of another document alone.
    #[error(
        "the index {index} violated the protocol: expected records of {requested}, found a record of \
         {found}; `list` prints all its records"
    )]
    OtherDocument {
        /// The index.
        index: Endpoint,
        /// The document of the LOOKUP.
        requested: Document,
        /// The document of a record of the reply.
        found: Document,
    },
    /// The distributed hash table was not asked.
    #[error("cannot ask the distributed hash table: {reason}")]
    NoTable {
        /// Why not.
        reason: String,
    },
    /// A list or a search was requested of the distributed hash table, and no index server has replied.
    #[error(
        "no index server replies, and the distributed hash table cannot be listed or searched: name an index \
         server that replies, or use `get` and `lookup` with the number or the name of a document"
    )]
    NotListed,
    /// The caller's output cannot take more of the reply.
    #[error("cannot pass on the reply of the index")]
    Taker(#[source] io::Error),
}

fn shown_reason(reason: Option<&HeaderText>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({})", escaped(&reason.to_string())))
}

fn causes(errors: &[IndexError]) -> String {
    errors.iter().map(|error| error_chain(error)).collect::<Vec<_>>().join("; ")
}

impl IndexError {
    /// The error of a request that all servers have failed; one that ends the request at any server is alone.
    pub(crate) fn of_all(mut errors: Vec<Self>) -> Self {
        let ends = |error: &Self| matches!(error, Self::Cancelled { .. } | Self::Taker(_));
        if let Some(at) = errors.iter().position(ends) {
            return errors.swap_remove(at);
        }
        match errors.len() {
            0 => Self::Leaving,
            1 => errors.swap_remove(0),
            _ => Self::All(errors),
        }
    }

    /// The refusal and its explanation, if it is one.
    pub fn refusal(&self) -> Option<(Refusal, Option<&HeaderText>)> {
        match self {
            Self::Refused { refusal, reason, .. } => Some((*refusal, reason.as_ref())),
            Self::Away(error) => error.refusal(),
            Self::All(errors) => errors.iter().find_map(Self::refusal),
            _ => None,
        }
    }

    /// Whether the server cannot be reached, or does not reply.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Silent { .. }
            | Self::Unfinished { .. }
            | Self::NoForm { .. } => true,
            Self::All(errors) => errors.iter().all(Self::is_absence),
            Self::Away(error) => error.is_absence(),
            _ => false,
        }
    }

    /// Whether the request may succeed on a new connection.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::Silent { .. }
            | Self::Away(_)
            | Self::OtherOfCluster { .. }
            | Self::NoTable { .. }
            | Self::NotListed
            | Self::Leaving => true,
            Self::NoForm { is_transient, .. } => *is_transient,
            Self::All(errors) => errors.iter().any(Self::is_transient),
            Self::Cancelled { .. } => false,
            Self::Refused { refusal, .. } => *refusal == Refusal::ServiceUnavailable,
            Self::Protocol { .. }
            | Self::Unfinished { .. }
            | Self::NotInCluster { .. }
            | Self::Unsolicited { .. }
            | Self::NotRead { .. }
            | Self::CutOff { .. }
            | Self::OtherDocument { .. }
            | Self::Taker(_) => false,
        }
    }
}
