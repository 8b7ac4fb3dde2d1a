//! Requests to a holder on a connection (protocol.md sections 5.1 to 5.6).

use crate::protocol::{
    ByteRange, Document, DocumentHead, DocumentRequest, Endpoint, HeaderText, Request,
};
use crate::system;

/// A request to a holder on a connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::download) struct GetRequest<'a> {
    pub(in crate::download) holder: &'a Endpoint,
    pub(in crate::download) document: &'a Document,
    pub(in crate::download) want_digest: bool,
    pub(in crate::download) range: Option<ByteRange>,
}

/// The head of a reply, and the empty line that ended it.
pub(in crate::download) type Answer = (DocumentHead, &'static str);

impl GetRequest<'_> {
    /// Appends the request, and whether the connection should stay open behind the document.
    pub(in crate::download) fn encode(&self, keep_alive: bool, out: &mut Vec<u8>) {
        let request = DocumentRequest {
            document: self.document.clone(),
            host: self.holder.host.clone(),
            os: HeaderText::folded(system::operating_system()),
            want_digest: self.want_digest,
            range: self.range,
            // A request without extensions has none of them.
            keep_alive: keep_alive && self.want_digest,
        };
        request.encode(out);
    }
}
