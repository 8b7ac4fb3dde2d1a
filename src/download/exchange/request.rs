//! A request to a holder (protocol.md sections 5.1 to 5.6).

use crate::protocol::{ByteRange, Document, DocumentRequest, Endpoint, HeaderText, Request};
use crate::system;

/// A request to a holder.
#[derive(Clone, Copy, Debug)]
pub(in crate::download) struct GetRequest<'a> {
    pub(in crate::download) holder: &'a Endpoint,
    pub(in crate::download) document: &'a Document,
    pub(in crate::download) want_digest: bool,
    pub(in crate::download) range: Option<ByteRange>,
}

impl GetRequest<'_> {
    /// Appends the request. `keep_alive` asks the holder to keep the connection open.
    pub(super) fn encode(&self, keep_alive: bool, out: &mut Vec<u8>) {
        let request = DocumentRequest {
            document: self.document.clone(),
            host: self.holder.host.clone(),
            os: HeaderText::folded(system::operating_system()),
            want_digest: self.want_digest,
            range: self.range,
            // A request without a digest has no extension at all.
            keep_alive: keep_alive && self.want_digest,
        };
        request.encode(out);
    }
}
