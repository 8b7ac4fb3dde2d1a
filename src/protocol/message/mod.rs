//! Whole messages: requests, replies and refusals, their encoding and decoding (protocol.md sections 3 to 6).
//!
//! | file | subject | protocol.md |
//! |---|---|---|
//! | `request_lines`, `request`, `head`, `header` | lines of requests, requests and their headers | 3.1, 3.5 |
//! | `lines` | lines of replies | 2.1 |
//! | `index_request`, `index_reply`, `index_reply_decoder` | between peer and index server | 4 |
//! | `upload_request`, `document_request`, `document_reply`, `document_reply_decoder` | between peer and upload server | 5 |
//! | `document_bounds`, `document_padding`, `reply_prefix` | where a document is, in replies of other programs | 5.4 |
//! | `status`, `decode_error`, `request_faults`, `mistakes` | refusals, their reasons, likely mistakes | 6 |

mod decode_error;
mod document_bounds;
mod document_padding;
mod document_reply;
mod document_reply_decoder;
mod document_request;
mod head;
mod header;
mod index_reply;
mod index_reply_decoder;
mod index_request;
mod lines;
mod mistakes;
mod reply_prefix;
mod request;
mod request_faults;
mod request_lines;
mod status;
mod upload_request;

pub use decode_error::DecodeError;
pub use document_bounds::{BEGINNING, DocumentBounds, Surplus, is_padding};
pub use document_reply::{DocumentHead, DocumentReply};
pub use document_reply_decoder::DocumentReplyDecoder;
pub use document_request::DocumentRequest;
pub use index_reply::{
    END_OF_RECORDS, IndexReply, LookupExtensions, ReplyPart, encode_attribute, encode_found,
    encode_refusal, encode_refused_lookup,
};
pub(super) use index_reply_decoder::Found;
pub use index_reply_decoder::{IndexReplyDecoder, ReplyForm, ReplyState};
pub use index_request::{IndexRequest, Listing};
pub(crate) use mistakes::similar;
pub use request::{Request, RequestDecoder};
pub use request_lines::empty_lines;
pub use status::{Refusal, Status};
pub use upload_request::{RecordRequests, UploadRequest};
