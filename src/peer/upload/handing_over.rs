//! Documents of which there is to be one copy: whoever has read all of one has it from then on
//! (protocol.md section 8.8).

use std::collections::HashSet;
use std::io::Read;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::library::SharedLibrary;
use crate::limits;
use crate::net::read_before;
use crate::protocol::Document;

/// Documents that somebody is getting.
#[derive(Debug, Default)]
pub(super) struct Lending(Mutex<HashSet<Document>>);

/// A document that is being handed over, until it is dropped.
pub(super) struct Lent<'a> {
    lending: &'a Lending,
    document: Document,
}

impl Lending {
    /// The document to one at a time.
    pub(super) fn lend(&self, document: &Document) -> Option<Lent<'_>> {
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = lent.insert(document.clone());
        is_free.then(|| Lent { lending: self, document: document.clone() })
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut lent = self.lending.0.lock().unwrap_or_else(PoisonError::into_inner);
        lent.remove(&self.document);
    }
}

/// Moves the file away if the other side has read all of it; whoever keeps the library true to its
/// folder tells the index.
pub(super) fn hand_over(
    library: &SharedLibrary,
    stream: &TcpStream,
    document: &Document,
    address: SocketAddr,
) {
    if !was_read(stream) {
        log::warn!("{address}: {document} stays here, it was perhaps not read to its end");
        return;
    }
    match library.read().hand_over(document) {
        Ok(path) => log::info!("{address} has {document} now, it lies in `{}`", path.display()),
        Err(error) => log::warn!("{document} cannot be moved: {error}"),
    }
}

/// Whether the other side has closed without leaving anything unread, which would reset the
/// connection.
fn was_read(mut stream: &TcpStream) -> bool {
    let deadline = Instant::now() + limits::HEAD_DEADLINE;
    if stream.shutdown(Shutdown::Write).is_err() {
        return false;
    }
    let mut chunk = [0; 1024];
    loop {
        match read_before(stream, &mut chunk, deadline) {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    // A reset may follow the end that was just read.
    thread::sleep(limits::LINGER / 10);
    matches!(stream.take_error(), Ok(None)) && matches!(stream.read(&mut chunk), Ok(0))
}
