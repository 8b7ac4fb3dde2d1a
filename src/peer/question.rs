//! What is asked of a holder on a connection, and the head of its reply (protocol.md sections 5.1 to
//! 5.6).

use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::fetch::Fetcher;
use super::transfer_error::TransferError;
use crate::limits;
use crate::net::{self, Receiver, WatchedStream, send};
use crate::protocol::{
    ByteRange, Document, DocumentHead, DocumentReply, DocumentReplyDecoder, DocumentRequest,
    Endpoint, HeaderText, Request,
};
use crate::system;

/// What is asked of a holder on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) holder: &'a Endpoint,
    pub(super) document: &'a Document,
    pub(super) want_digest: bool,
    pub(super) range: Option<ByteRange>,
}

/// The head of a reply, and the empty line that ended it.
pub(super) type Answer = (DocumentHead, &'static str);

impl Question<'_> {
    /// Appends the request, and whether the connection should stay open behind the document.
    pub(super) fn encode(&self, keep_alive: bool, out: &mut Vec<u8>) {
        let request = DocumentRequest {
            document: self.document.clone(),
            host: self.holder.host.clone(),
            os: HeaderText::folded(system::operating_system()),
            want_digest: self.want_digest,
            range: self.range,
            // Who is asked without extensions is asked without any.
            keep_alive: keep_alive && self.want_digest,
        };
        request.encode(out);
    }
}

/// The addresses of a holder that whoever has named it may lead to.
fn addresses(fetcher: &Fetcher, holder: &Endpoint) -> Result<Vec<SocketAddr>, TransferError> {
    let mut addresses = fetcher.addresses().of(holder).map_err(TransferError::Unreachable)?;
    let Some(index) = fetcher.neighbours().named_by(holder) else { return Ok(addresses) };
    let mut reason = None;
    addresses.retain(|address| match fetcher.reach().check(index, *address) {
        Ok(()) => true,
        Err(not_allowed) => {
            reason = Some(not_allowed);
            false
        }
    });
    match reason {
        Some(reason) if addresses.is_empty() => Err(TransferError::NotAllowed(reason)),
        _ => Ok(addresses),
    }
}

/// Connects, and remembers how long that took.
///
/// The connection has no options: all that is written to it are requests, and every read has a
/// deadline.
pub(super) fn connect(
    fetcher: &Fetcher,
    holder: &Endpoint,
) -> Result<WatchedStream, TransferError> {
    let begun = Instant::now();
    let stream = net::connect_to(&addresses(fetcher, holder)?).map_err(|error| {
        fetcher.addresses().forget(holder);
        TransferError::Unreachable(error)
    })?;
    fetcher.neighbours().connected(holder, begun.elapsed());
    Ok(fetcher.cancel().watch(stream))
}

/// Asks on a connection that is made for one question; what follows the head is left in the
/// receiver.
pub(super) fn ask_once<'a>(
    fetcher: &Fetcher,
    stream: &'a TcpStream,
    question: &Question<'_>,
) -> Result<(DocumentHead, Receiver<'a>), TransferError> {
    let mut request = Vec::new();
    question.encode(false, &mut request);
    send(stream, &request).map_err(TransferError::Lost)?;
    let mut receiver = Receiver::of_connected(stream);
    let (head, _) = receive_answer(fetcher, question.holder, &mut receiver)?;
    Ok((head, receiver))
}

/// Reads the head of a reply; what follows it is left in the receiver.
pub(super) fn receive_answer(
    fetcher: &Fetcher,
    holder: &Endpoint,
    receiver: &mut Receiver<'_>,
) -> Result<Answer, TransferError> {
    let answer = receive_head(receiver);
    if let Ok(_) | Err(TransferError::Refused(_)) = &answer {
        fetcher.neighbours().answered(holder);
    }
    answer
}

fn receive_head(receiver: &mut Receiver<'_>) -> Result<Answer, TransferError> {
    let deadline = Instant::now() + limits::FIRST_BYTE;
    let mut decoder = DocumentReplyDecoder::default();
    loop {
        let found = decoder.decode(receiver.input()).map_err(TransferError::Protocol)?;
        let found = match found {
            Some(found) => found,
            None => match receiver.fill(Some(deadline)) {
                Ok(0) if receiver.input().is_empty() => return Err(TransferError::NoReply),
                Ok(0) => decoder.finish(receiver.input()).map_err(TransferError::Protocol)?,
                Ok(_) => continue,
                Err(error) => return Err(TransferError::Lost(error)),
            },
        };
        receiver.take(found.1);
        return match found.0 {
            DocumentReply::Found(head) => Ok((head, decoder.separator())),
            DocumentReply::Refused(refusal) => Err(TransferError::Refused(refusal.into())),
        };
    }
}
