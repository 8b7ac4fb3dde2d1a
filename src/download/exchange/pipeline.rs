//! Requests for several documents on one connection (protocol.md section 5.7).
//!
//! A download of many documents announces which ones come next. Once the holder has said that it
//! keeps the connection open, they are requested ahead, so that neither side waits for the other. In
//! any other case the connection is closed, and the next document is requested on a new one.

use std::collections::VecDeque;
use std::time::Instant;

use super::connection::HolderConnection;
use super::request::GetRequest;
use crate::download::model::{DownloadRequest, GetForm, Source, TransferError};
use crate::net::send;
use crate::protocol::{Document, DocumentHead, Endpoint};
use crate::system::PageAligned;

/// Requests for documents, over as few connections as possible.
#[derive(Debug, Default)]
pub(in crate::download) struct Pipeline {
    keeps_alive: bool,
    /// The next downloads, in this order. The first ones may have been requested ahead.
    plan: VecDeque<DownloadRequest>,
    kept: Option<HolderConnection>,
    /// The buffer of the last document. To allocate and clear one takes as long as to read a small document.
    pub(in crate::download) buffer: Option<PageAligned>,
}

impl Pipeline {
    /// A pipeline that asks holders to keep their connections open. The default one does not.
    pub(in crate::download) fn keep_alive() -> Self {
        Self { keeps_alive: true, ..Self::default() }
    }

    /// Whether holders are asked to keep their connections open.
    pub(in crate::download) fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// Announces the next requests: whole documents, in this order.
    pub(in crate::download) fn plan(&mut self, downloads: impl Iterator<Item = DownloadRequest>) {
        self.plan.clear();
        self.kept.take_if(|connection| connection.role.awaited() > 0);
        self.plan.extend(downloads);
    }

    /// Closes the connection that is kept open.
    pub(in crate::download) fn close(&mut self) {
        self.kept = None;
    }

    /// The holder from which this document was requested ahead.
    pub(in crate::download) fn requested_from(&self, document: &Document) -> Option<&Endpoint> {
        let next = self.plan.front().filter(|next| next.document == *document);
        let kept = self.kept.as_ref().filter(|connection| connection.role.awaited() > 0);
        next.and(kept).map(|connection| &connection.source.holder)
    }

    /// Sends a request over the connection that is kept open, unless it was sent ahead. Returns
    /// `None` if there is no connection that can be used.
    pub(in crate::download) fn send_over_kept(
        &mut self,
        source: &Source,
        request: &GetRequest<'_>,
    ) -> Option<HolderConnection> {
        let is_next = self.plan.front().is_some_and(|next| next.document == *request.document);
        let as_planned = is_next && request.want_digest && request.range.is_none();
        let fits = |kept: &HolderConnection| {
            kept.source.shares_connections_with(source) && (kept.role.awaited() == 0 || as_planned)
        };
        let kept = self.kept.take().filter(fits);
        match is_next {
            true => drop(self.plan.pop_front()),
            false => self.plan.clear(),
        }
        let mut connection = kept?;
        connection.requested_at = Instant::now();
        if connection.role.awaited() > 0 {
            return Some(connection);
        }
        let mut requests = Vec::new();
        request.encode(self.keeps_alive, &mut requests);
        connection.role.expect_reply();
        self.encode_ahead(&mut connection, &mut requests);
        // If the holder has closed the connection meanwhile, a new one is made.
        send(connection.stream(), &requests).is_ok().then_some(connection)
    }

    /// Sends the next requests over a connection that the holder keeps open, when the response that
    /// is read is the only one that is expected.
    pub(in crate::download) fn request_ahead(
        &self,
        head: &DocumentHead,
        connection: &mut HolderConnection,
    ) -> Result<(), TransferError> {
        if head.keep_alive && connection.role.awaited() == 1 {
            let mut requests = Vec::new();
            self.encode_ahead(connection, &mut requests);
            send(connection.stream(), &requests).map_err(TransferError::Lost)?;
        }
        Ok(())
    }

    /// Appends the next requests, up to the first document that this holder does not have.
    fn encode_ahead(&self, connection: &mut HolderConnection, out: &mut Vec<u8>) {
        for download in &self.plan {
            let HolderConnection { source, role, .. } = connection;
            if !download.sources.iter().any(|other| other.shares_connections_with(source)) {
                break;
            }
            let (holder, document) = (&source.holder, &download.document);
            let form = GetForm::Grammar;
            GetRequest { holder, document, want_digest: true, form, range: None }.encode(true, out);
            role.expect_reply();
        }
    }

    /// Keeps a connection open from which a whole document was read.
    pub(in crate::download) fn keep(&mut self, connection: HolderConnection) {
        if self.keeps_alive && !connection.has_unsolicited() {
            self.kept = Some(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::net::{Cancel, Provenance, pipe};

    #[test]
    fn a_kept_connection_is_used_for_sources_of_the_same_provenance_only() {
        let address: SocketAddr = "127.0.0.1:7735".parse().unwrap();
        let named: Source = address.to_string().parse::<Endpoint>().unwrap().into();
        let index = "192.0.2.1:7734".parse().unwrap();
        let listed = Source { provenance: Provenance::Index(index), ..named.clone() };
        let verified = Source { verified_address: Some(address.ip()), ..listed.clone() };
        let document = Document::Rfc("1".parse().unwrap());
        let request = GetRequest {
            holder: &named.holder,
            document: &document,
            want_digest: true,
            form: GetForm::Grammar,
            range: None,
        };
        let sources = [named.clone(), listed, verified];
        for (one, first) in sources.iter().enumerate() {
            for (other, next) in sources.iter().enumerate() {
                let (stream, _holder) = pipe();
                let mut pipeline = Pipeline::keep_alive();
                let stream = Cancel::new().watch(stream);
                pipeline.keep(HolderConnection::new(first, stream).unwrap());
                let kept = pipeline.send_over_kept(next, &request);
                assert_eq!(kept.is_some(), one == other, "{first:?} {next:?}");
            }
        }
    }
}
