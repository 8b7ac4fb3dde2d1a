//! P2P-CI/1.0 as values and bytes: messages, their encoding and decoding.
//!
//! Pure: nothing here uses a socket, a file, a thread or a clock. Everything is used by both
//! sides; `protocol.md` is the normative text, and each file names its section.
//!
//! | file | subject | protocol.md |
//! |---|---|---|
//! | `number`, `endpoint`, `title`, `words` | RFC number; host and port; titles; queries | 2.2, 2.5, 2.6, 4.10 |
//! | `file_name` | names of documents that are no RFC | 2.3 |
//! | `date`, `digest`, `range` | dates of headers, digests and parts of documents | 2.7, 5.5, 5.6 |
//! | `document` | RFC or file: the subject of a request | 2.4 |
//! | `content` | digest and length; attributes of records | 4.11 |
//! | `record`, `record_encoder` | records; encoding many of them | 4.5 |
//! | `lines`, `request_lines`, `request`, `head`, `header` | lines, requests and their headers | 3 |
//! | `index_request`, `index_reply`, `index_reply_decoder` | peer and index | 4 |
//! | `search` | searching a list for an index without SEARCH | 4.10 |
//! | `document_request`, `document_reply` | peer and peer | 5 |
//! | `keep_alive` | several documents on a connection | 5.7 |
//! | `status`, `error`, `request_faults` | refusals and their reasons | 6 |

mod content;
mod date;
mod digest;
mod document;
mod document_reply;
mod document_request;
mod endpoint;
mod error;
mod file_name;
mod head;
mod header;
mod index_reply;
mod index_reply_decoder;
mod index_request;
mod keep_alive;
mod lines;
mod number;
mod range;
mod record;
mod record_encoder;
mod request;
mod request_faults;
mod request_lines;
mod search;
mod status;
mod title;
mod words;

pub use content::{Attribute, Content};
pub use date::Date;
pub use digest::Digest;
pub use document::{Document, WireDocument};
pub use document_reply::{DocumentHead, DocumentReply, DocumentReplyDecoder};
pub use document_request::DocumentRequest;
pub use endpoint::{Endpoint, Host, Port};
pub use error::{DecodeError, SyntaxError};
pub use file_name::FileName;
pub use index_reply::{
    END_OF_RECORDS, IndexReply, ReplyPart, encode_attribute, encode_found, encode_refusal,
    encode_refused_lookup,
};
pub use index_reply_decoder::{IndexReplyDecoder, ReplyForm, ReplyState};
pub use index_request::{IndexRequest, Listing};
pub use number::{Limit, RfcNumber};
pub use range::{ByteRange, ContentRange};
pub use record::{BorrowedRecord, Record};
pub use record_encoder::{RecordEncoder, RecordEnd, encode_record};
pub use request::{Request, RequestDecoder, empty_lines};
pub use search::ListSearch;
pub use status::{Refusal, Status};
pub use title::{HeaderText, Title};
pub use words::{Word, Words, title_words};

/// The version that every request line and status line of ours carries (protocol.md section 2.8).
pub const VERSION: &str = "P2P-CI/1.0";
