//! Recorded conversations, and the meaning of each line (protocol.md sections 3 to 6, and appendix B).
//!
//! | file | subject |
//! |---|---|
//! | `event` | what happens on the connections of a conversation |
//! | `reader` | reading a conversation in any of its forms |
//! | `text` | text with a label before each line, or without labels |
//! | `segments` | text with one line for each segment |
//! | `literal` | bytes as literals of Python |
//! | `streams` | connections in a pcapng file |
//! | `reassembly` | one direction of a TCP connection in its order |
//! | `explainer` | all connections of a conversation |
//! | `connection` | one connection: which role each side has |
//! | `requests`, `request_lines` | the requests of a client and the meaning of their lines |
//! | `index_replies` | the replies of an index server |
//! | `document_replies` | the replies of an upload server |
//! | `meanings` | the meaning of request lines and headers |
//! | `explained` | explained lines |
//! | `part` | parts of replies as values |

mod connection;
mod document_replies;
mod event;
mod explained;
mod explainer;
mod index_replies;
mod literal;
mod meanings;
mod part;
mod reader;
mod reassembly;
mod request_lines;
mod requests;
mod segments;
mod streams;
mod text;

pub use crate::capture::Side;
pub(crate) use connection::{ServerKind, is_get};
pub use event::{Event, What};
pub use explained::{Explained, Kind};
pub use explainer::Explainer;
pub use literal::shortened;
pub(crate) use part::Part;
pub use reader::{TranscriptError, read};
pub use segments::SegmentLine;
pub(crate) use text::begins_request;
