//! The replies of an index server (protocol.md sections 4.6 and 3.2).
//!
//! A reply may hold ten million records, so it is read part by part by
//! [`IndexReplyDecoder`](super::IndexReplyDecoder).

use super::head::{append, encode_header};
use super::status::{Refusal, Status};
use crate::protocol::{Attribute, Cluster, ClusterId, Endpoint, HeaderText, Record, encode_record};

/// A whole reply.
///
/// ```text
/// index-reply = found / refused
/// found       = status-line-200 CRLF *( record CRLF ) CRLF
/// refused     = status-line [ "Reason:" SP header-text CRLF ] CRLF
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IndexReply {
    /// The requested records, or the record that was added or removed; without attributes.
    Found(Vec<Record>),
    /// The request was not carried out.
    Refused {
        /// The reason as a code.
        refusal: Refusal,
        /// The reason as text, if the server explains (protocol.md section 6.3).
        reason: Option<HeaderText>,
    },
}

/// Appends the status line and the empty line before the records of a reply. The records follow,
/// each written by [`encode_record`], and then [`END_OF_RECORDS`]: an index server writes a long
/// reply in pieces.
pub fn encode_found(out: &mut Vec<u8>) {
    out.extend_from_slice(b"P2P-CI/1.0 200 OK\r\n\r\n");
}

/// Appends one attribute of the record before it (protocol.md section 4.11).
pub fn encode_attribute(attribute: Attribute, out: &mut Vec<u8>) {
    append(out, format_args!("{attribute}\r\n"));
}

/// The empty line after the records of a reply.
pub const END_OF_RECORDS: &[u8] = b"\r\n";

/// The header by which a refusal of a LOOKUP with `Want-Attributes` says that the index knows them
/// (protocol.md section 4.11).
pub(super) const ATTRIBUTES_KNOWN: (&str, &str) = ("Attributes", "1");

/// The headers of a refusal that name the cluster of the server, and one server of it (protocol.md
/// section 4.13).
pub(super) const CLUSTER: (&str, &str) = ("Cluster", "Cluster-Server");

/// What a LOOKUP has asked for besides records, which its refusal shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct LookupExtensions<'a> {
    /// That the server knows attributes.
    pub attributes: bool,
    /// The cluster of the server.
    pub cluster: Option<&'a Cluster>,
}

/// Appends the refusal of a LOOKUP.
pub fn encode_refused_lookup(
    extensions: LookupExtensions<'_>,
    refusal: Refusal,
    reason: Option<&HeaderText>,
    out: &mut Vec<u8>,
) {
    Status::Refused(refusal).encode_line(out);
    if extensions.attributes {
        encode_header(out, ATTRIBUTES_KNOWN.0, ATTRIBUTES_KNOWN.1);
    }
    if let Some(cluster) = extensions.cluster {
        encode_header(out, CLUSTER.0, cluster.id());
        cluster.servers().iter().for_each(|server| encode_header(out, CLUSTER.1, server));
    }
    if let Some(reason) = reason {
        encode_header(out, "Reason", reason);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a refusal, which has the same form from an index server and from an upload server.
pub fn encode_refusal(refusal: Refusal, reason: Option<&HeaderText>, out: &mut Vec<u8>) {
    Status::Refused(refusal).encode_line(out);
    if let Some(reason) = reason {
        encode_header(out, "Reason", reason);
    }
    out.extend_from_slice(b"\r\n");
}

impl IndexReply {
    /// Appends the encoded reply.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Found(records) => {
                encode_found(out);
                records.iter().for_each(|record| encode_record(record.borrowed(), out));
                out.extend_from_slice(END_OF_RECORDS);
            }
            Self::Refused { refusal, reason } => encode_refusal(*refusal, reason.as_ref(), out),
        }
    }
}

/// One part of a reply.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReplyPart {
    /// The first part of a reply: records follow.
    Found,
    /// The first part of a reply: the request was refused.
    Refused(Refusal),
    /// The reason of a refusal, from a server that explains.
    Reason(HeaderText),
    /// The cluster of the server, in a refusal.
    Cluster(ClusterId),
    /// A server of that cluster, in a refusal.
    ClusterServer(Endpoint),
    /// One record.
    Record(Record),
    /// An attribute of the record before it.
    Attribute(Attribute),
    /// The end of the reply.
    End,
}
