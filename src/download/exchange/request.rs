//! A request to a holder (protocol.md sections 5.1 to 5.6).

use crate::download::model::GetForm;
use crate::protocol::{ByteRange, Document, DocumentRequest, Endpoint, HeaderText, Request};
use crate::system;

/// A request to a holder.
#[derive(Clone, Copy, Debug)]
pub(in crate::download) struct GetRequest<'a> {
    pub(in crate::download) holder: &'a Endpoint,
    pub(in crate::download) document: &'a Document,
    pub(in crate::download) want_digest: bool,
    /// The form of a request without extensions; those with extensions follow the grammar.
    pub(in crate::download) form: GetForm,
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
        if self.form == GetForm::Grammar || request.has_extensions() {
            return request.encode(out);
        }
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        out.extend(self.form.apply(bytes));
    }
}
