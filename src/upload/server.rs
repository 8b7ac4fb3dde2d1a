//! The upload server: a thread that accepts, and a worker for each upload (protocol.md section 5).
//!
//! It serves what the library shares: one document a connection, or one after the other to whoever
//! asks for that (protocol.md section 5.7).

mod answer;
mod handing_over;
mod lending;
mod requests;
mod running;
mod sending;
mod settings;
mod totals;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::library::{SharedLibrary, UnpackedCopies};
use crate::net::{
    Connection, Outcome, Permits, ReadClock, Service, Stop, accept_loop, close_after_reply,
    lingering_close,
};
use crate::protocol::{Refusal, Status, encode_refusal};
use crate::{limits, system};
use answer::{Reader, Sharing, Then};
use lending::Lending;
use requests::Requests;
use running::Running;
pub use running::RunningUpload;
pub use settings::Uploads;
pub use totals::UploadTotals;

/// The upload server of a peer. It ends when it is dropped.
#[derive(Debug)]
pub struct UploadServer {
    address: SocketAddr,
    stop: Stop,
    totals: Arc<UploadTotals>,
    running: Arc<Running>,
    thread: Option<JoinHandle<()>>,
}

impl UploadServer {
    /// Starts the thread that serves the library's documents.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        listener: TcpListener,
        library: SharedLibrary,
        uploads: Uploads,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = Stop::new();
        let per_address =
            uploads.per_address.map_or(limits::UPLOADS_PER_ADDRESS, NonZeroUsize::get);
        let places = places();
        let permits = Permits::new(places, per_address);
        uploads.slots.set_places(places);
        let totals = Arc::<UploadTotals>::default();
        let running = Arc::<Running>::default();
        let sharing = Sharing {
            library,
            uploads,
            permits: permits.clone(),
            kept_open: places / 2,
            stop: stop.clone(),
            lending: Lending::default(),
            copies: UnpackedCopies::default(),
            totals: Arc::clone(&totals),
            running: Arc::clone(&running),
        };
        let handle =
            move |stream: &Arc<Connection>, address, number| sharing.serve(stream, address, number);
        let mut refusal = Vec::new();
        encode_refusal(Refusal::ServiceUnavailable, None, &mut refusal);
        let service = Service::new("upload", permits, stop.clone(), refusal, handle);
        let accept = move || thread::scope(|scope| accept_loop(scope, &listener, &service));
        let thread = thread::Builder::new().name("upload".into()).spawn(accept)?;
        Ok(Self { address, stop, totals, running, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has sent, which still grows while it runs.
    pub fn totals(&self) -> Arc<UploadTotals> {
        Arc::clone(&self.totals)
    }

    /// The uploads that are running, the oldest first.
    pub fn running(&self) -> Vec<RunningUpload> {
        self.running.all()
    }
}

impl Drop for UploadServer {
    fn drop(&mut self) {
        self.stop.stop_within(limits::UPLOAD_GRACE);
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

/// How many connections there may be: each takes descriptors, which something else needs, too.
fn places() -> usize {
    let bounds = system::connection_bounds(limits::PEER_FILES);
    let connections = bounds.iter().map(|bound| bound.connections).min().unwrap_or(usize::MAX);
    (connections / limits::FILES_PER_UPLOAD).clamp(limits::LEAST_UPLOADS, limits::UPLOADS)
}

impl Sharing {
    fn serve(&self, stream: &Arc<Connection>, address: SocketAddr, number: u64) -> Outcome {
        let reader = Reader { stream, address, number };
        let mut outcome = Outcome::Normal;
        let mut requests = Requests::new(stream);
        let mut was_kept_open = false;
        // One clock for all replies: a slow reader gains nothing by requesting many small ones.
        let mut clock = ReadClock::default();
        let served = loop {
            // Until the reader has all of the reply, the upload counts among those that have begun.
            let mut slot = None;
            let answered = match requests.next() {
                Ok(Some(Ok(request))) => {
                    self.permits.request_received(number);
                    self.answer(&reader, &request, &mut clock, &mut slot)
                }
                Ok(Some(Err(error))) => {
                    log::warn!("{address}: {}, {error}", Status::from(error.refusal));
                    outcome = Outcome::Abuse;
                    self.refuse(stream, error.refusal, &error.to_string())
                }
                Ok(None) => return outcome,
                Err(error) => Err(error),
            };
            // A slow reader is idle when it has read the reply, and not before.
            let answered = answered.map(|then| match clock.finish(stream, &self.stop) {
                Ok(()) => then,
                Err(error) => {
                    log::warn!("{address}: upload ended before the reader had all of it: {error}");
                    Then::Broken
                }
            });
            drop(slot);
            match answered {
                Ok(Then::Close) => break Ok(()),
                Ok(Then::Broken) => return outcome,
                Ok(Then::KeepOpen) if !self.has_next(&reader, &mut requests) => return outcome,
                Ok(Then::KeepOpen) => was_kept_open = true,
                Err(error) => break Err(error),
            }
        };
        match served {
            Ok(()) if outcome == Outcome::Normal && !was_kept_open => close_after_reply(stream),
            // The rest of a malformed request, or pipelined requests, may still be arriving.
            Ok(()) => lingering_close(stream),
            Err(error) => log::warn!("{address}: the connection broke: {error}"),
        }
        outcome
    }

    /// Waits for the next request, and returns whether some of it is there. Meanwhile the connection
    /// may be closed for one of another network.
    fn has_next(&self, reader: &Reader<'_>, requests: &mut Requests<'_>) -> bool {
        if requests.has_input() {
            return true;
        }
        let evictable = self.permits.offer_eviction(reader.number, reader.stream, true);
        requests.wait_for_next() && !evictable.is_evicted()
    }
}
