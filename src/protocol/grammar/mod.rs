//! The tokens of messages: values that carry their grammar (protocol.md section 2).
//!
//! A value that exists is legal, so that writing it cannot fail.
//!
//! | file | subject | protocol.md |
//! |---|---|---|
//! | `version` | the version of the protocol | 2.8 |
//! | `number` | RFC numbers, limits, lengths | 2.2, 2.9 |
//! | `file_name` | names of documents other than RFCs | 2.3 |
//! | `document` | an RFC or a file: the subject of a request | 2.4 |
//! | `title`, `words` | titles and header texts; the words of titles and queries | 2.5, 4.10 |
//! | `endpoint` | host and port | 2.6 |
//! | `date` | dates of headers | 2.7 |
//! | `record`, `record_encoder` | records; encoding many of them | 4.5 |
//! | `list_search` | search in a list, for index servers without SEARCH | 4.10 |
//! | `content` | digest and length of a document; attributes of records | 4.11 |
//! | `cluster` | the cluster to which an index server belongs | 4.13 |
//! | `digest`, `range` | digests and parts of documents | 5.5, 5.6 |
//! | `keep_alive` | the value of `Connection` | 5.7 |
//! | `syntax_error` | text that does not follow its grammar | 6.3 |

mod cluster;
pub(in crate::protocol) mod content;
mod date;
pub(in crate::protocol) mod digest;
mod document;
mod endpoint;
mod file_name;
pub(in crate::protocol) mod keep_alive;
mod list_search;
pub(in crate::protocol) mod number;
pub(in crate::protocol) mod range;
mod record;
mod record_encoder;
mod syntax_error;
mod title;
pub(in crate::protocol) mod version;
mod words;

pub use cluster::{Cluster, ClusterId};
pub use content::{Attribute, Content, NO_ADDRESS};
pub use date::Date;
pub use digest::Digest;
pub use document::{Document, WireDocument};
pub use endpoint::{Endpoint, Host, Port};
pub use file_name::FileName;
pub use list_search::ListSearch;
pub use number::{Limit, RfcNumber};
pub use range::{ByteRange, ContentRange};
pub use record::{BorrowedRecord, Record};
pub use record_encoder::{RecordEncoder, RecordEnd, encode_record};
pub use syntax_error::SyntaxError;
pub use title::{HeaderText, Title};
pub use version::VERSION;
pub(crate) use version::starts_status_line;
pub use words::{Word, Words, title_words};
