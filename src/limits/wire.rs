//! Limits of the wire format (protocol.md section 7). They are part of the protocol, so they are fixed.

/// Bytes of a request line or status line, its line end included.
pub const START_LINE: usize = 2 * 1024;
/// Bytes of one header line, its line end included.
pub const HEADER_LINE: usize = 4 * 1024;
/// Bytes of a whole head, the empty line included.
pub const HEAD: usize = 16 * 1024;
/// Bytes of empty lines before a request, in a minute: they carry no message.
pub const EMPTY_LINES: usize = 64;
/// Header lines of a request.
pub const REQUEST_HEADERS: usize = 32;
/// Header lines of a response.
pub const RESPONSE_HEADERS: usize = 64;
/// Bytes of a title.
pub const TITLE: usize = 512;
/// Characters of a word of a title or a query that are compared.
pub const WORD: usize = 16;
/// Words of a title that SEARCH finds it by.
pub const TITLE_WORDS: usize = 64;
/// Different words of a query that are searched for.
pub const QUERY_WORDS: usize = 16;
/// Bytes of a host: the length of the longest domain name.
pub const HOST: usize = 253;
/// Bytes of the `OS` and `Content-Type` headers.
pub const HEADER_TEXT: usize = 256;
/// Bytes of a file name, decoded: what common file systems take.
pub const FILE_NAME: usize = 255;
/// Bytes of the name of a cluster of index servers.
pub const CLUSTER_ID: usize = 64;
/// Servers that an index server names of its cluster.
pub const CLUSTER_SERVERS: usize = 16;
/// Bytes of one record line in a reply, its line end included. A file name may triple in size when
/// it is percent-encoded.
pub const RECORD_LINE: usize = 2 * 1024;
/// The least number of equal bytes that are padding, with which some programs fill each message to a block.
pub const PADDING: usize = 8;
