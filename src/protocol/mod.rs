//! P2P-CI/1.0 as values and bytes: messages, their encoding and decoding.
//!
//! Pure: no file here uses a socket, a file, a thread or a clock. Peers and servers use the same code.
//! `protocol.md` is the normative text, and each file names its section.
//!
//! | module | subject | protocol.md |
//! |---|---|---|
//! | `grammar` | the tokens of messages: numbers, titles, documents, records, dates | 2 |
//! | `dialect` | the forms of other programs | B |
//! | `message` | requests, replies and refusals | 3 to 6 |
//! | `role` | the sides of a connection as state machines | 3 to 5, 7 |

pub mod dialect;
mod grammar;
mod message;
pub mod role;

pub(crate) use grammar::starts_status_line;
pub use grammar::{
    Attribute, BorrowedRecord, ByteRange, Cluster, ClusterId, Content, ContentRange, Date, Digest,
    Document, Endpoint, FileName, HeaderText, Host, Limit, ListSearch, NO_ADDRESS, Port, Record,
    RecordEncoder, RecordEnd, RfcNumber, SyntaxError, Title, VERSION, WireDocument, Word, Words,
    encode_record, title_words,
};
pub(crate) use message::similar;
pub use message::{
    BEGINNING, DecodeError, DocumentBounds, DocumentHead, DocumentReply, DocumentReplyDecoder,
    DocumentRequest, END_OF_RECORDS, IndexReply, IndexReplyDecoder, IndexRequest, Listing,
    LookupExtensions, RecordRequests, Refusal, ReplyForm, ReplyPart, ReplyState, Request,
    RequestDecoder, Status, Surplus, UploadRequest, empty_lines, encode_attribute, encode_found,
    encode_refusal, encode_refused_lookup, is_padding,
};
