//! The sides of a connection as state machines (protocol.md sections 3 to 5).
//!
//! A role uses no socket and no clock. Its caller hands it the bytes that have arrived, and gets events:
//! each says how many bytes it took, what they mean, and which section of protocol.md defines them.
//! Deadlines are data: the caller waits until [`next_deadline`](IndexServer::next_deadline), and reports
//! when that has passed. Times are durations since a moment that the caller chooses, such as the
//! beginning of the connection.
//!
//! | file | subject | protocol.md |
//! |---|---|---|
//! | `index_server` | an index server, at the connection of one peer | 3.1, 4, 7 |
//! | `index_client` | a peer, at its connection to an index server | 3.2, 4.9, 7 |
//! | `document_client` | a client, at its connection to an upload server | 5.2 to 5.7 |
//! | `document_server` | an upload server, at the connection of one client | 5, 7 |
//! | `event` | the form of all events | |
//! | `request_event`, `request_reader` | reading requests, for both servers | 3.1, 7 |
//! | `reply_event` | what a peer finds in the replies of an index server | 3.2, 4.9 |
//! | `empty_lines` | how many empty lines may come before a message | 7 |

mod document_client;
mod document_server;
mod empty_lines;
mod event;
mod index_client;
mod index_server;
mod reply_event;
mod request_event;
mod request_reader;

pub use document_client::{DocumentClient, DocumentEnd, DocumentEvent, DocumentMeaning};
pub use document_server::DocumentServer;
pub use event::Event;
pub use index_client::{IndexClient, IndexTraits};
pub use index_server::{Ending, IndexServer};
pub use reply_event::{ReplyEnd, ReplyEvent, ReplyMeaning};
pub use request_event::{RequestEvent, RequestMeaning};
