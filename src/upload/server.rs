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
mod serving;
mod settings;
mod totals;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::counters::Cause;
use crate::library::{SharedLibrary, UnpackedCopies};
use crate::net::{Connection, Permits, ReadClock, Service, Stop, accept_loop};
use crate::protocol::{HeaderText, Refusal, encode_refusal};
use crate::{limits, system};
use answer::{Reader, Sharing};
use lending::Lending;
use running::Running;
pub use running::RunningUpload;
pub use settings::Uploads;
use totals::GET;
pub use totals::{UPLOAD_METHODS, UploadTotals};

/// Why a connection is refused before its first request.
const NO_CONNECTION: &str = "expected a free connection, found that all, or all of one network, are in use \
                             (protocol.md section 7); the connection is closed";

/// The upload server of a peer. It ends when it is dropped.
#[derive(Debug)]
pub struct UploadServer {
    address: SocketAddr,
    stop: Stop,
    totals: Arc<UploadTotals>,
    running: Arc<Running>,
    permits: Permits,
    thread: Option<JoinHandle<()>>,
    /// Time for uploads to finish when it ends.
    grace: Duration,
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
        let (places, grace) = (places(uploads.limits.uploads), uploads.limits.grace);
        let permits = Permits::new(places, uploads.admission());
        let (interface, explain) = (uploads.interface.clone(), uploads.explain);
        let sharing = sharing(library, uploads, &permits, places, &stop);
        let totals = Arc::clone(&sharing.totals);
        let running = Arc::clone(&sharing.running);
        let handle = move |stream: &Arc<Connection>, address, number| {
            // One clock for all replies: a slow reader gains nothing by requesting many small ones.
            sharing.serve(
                &Reader {
                    stream,
                    address,
                    number,
                    style: None,
                    asked: Instant::now(),
                    method: GET,
                },
                &mut ReadClock::new(sharing.uploads.limits.read_rate),
            )
        };
        let mut refusal = Vec::new();
        let reason = explain.then(|| HeaderText::folded(NO_CONNECTION)).flatten();
        encode_refusal(Refusal::ServiceUnavailable, reason.as_ref(), &mut refusal);
        let service = Service::new("upload", permits.clone(), stop.clone(), refusal, handle);
        let service = service.on(interface);
        let accept = move || thread::scope(|scope| accept_loop(scope, &listener, &service));
        let thread = thread::Builder::new().name("upload".into()).spawn(accept)?;
        Ok(Self { address, stop, totals, running, permits, thread: Some(thread), grace })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Totals of its uploads, which still grow while it runs.
    pub fn totals(&self) -> Arc<UploadTotals> {
        Arc::clone(&self.totals)
    }

    /// The number of connections of readers.
    pub fn connections(&self) -> usize {
        self.permits.taken()
    }

    /// How many connections and requests were refused for this cause.
    pub fn refused(&self, cause: Cause) -> u64 {
        self.permits.refusals().of(cause)
    }

    /// The uploads that are running, the oldest first.
    pub fn running(&self) -> Vec<RunningUpload> {
        self.running.all()
    }
}

impl Drop for UploadServer {
    fn drop(&mut self) {
        self.stop.stop_within(self.grace);
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

/// How many connections there may be: each takes descriptors, which something else needs, too.
fn places(most: usize) -> usize {
    let bounds = system::connection_bounds(limits::PEER_FILES);
    let connections = bounds.iter().map(|bound| bound.connections).min().unwrap_or(usize::MAX);
    (connections / limits::FILES_PER_UPLOAD).clamp(limits::LEAST_UPLOADS.min(most), most)
}

/// What all uploads share, when there is none yet.
fn sharing(
    library: SharedLibrary,
    uploads: Uploads,
    permits: &Permits,
    places: usize,
    stop: &Stop,
) -> Sharing {
    uploads.slots.set_places(places);
    Sharing {
        library,
        lending: Lending::new(uploads.limits),
        uploads,
        permits: permits.clone(),
        kept_open: places / 2,
        stop: stop.clone(),
        copies: UnpackedCopies::default(),
        totals: Arc::default(),
        running: Arc::default(),
    }
}

#[cfg(test)]
mod tests;
