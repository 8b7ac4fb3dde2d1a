//! The upload server: a thread that accepts, and a worker for each upload (protocol.md section 5).
//!
//! It serves what the library shares: one document a connection, or several in turn to a client that asks
//! for that (protocol.md section 5.7).

mod answer;
mod handing_over;
mod lending;
mod listing;
mod not_sent;
mod requests;
mod running;
mod sending;
mod serving;
mod settings;
mod totals;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::counters::Cause;
use crate::library::{SharedLibrary, UnpackedCopies};
use crate::net::{AccessPolicy, Connection, Permits, ReadClock, Service, Stop, accept_loop};
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
    access: AccessPolicy,
    permits: Permits,
    /// Connections from one network, unless another number is set.
    usual_per_address: usize,
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
        let usual_per_address = uploads.limits.admission.per_network;
        let (interface, explain) = (uploads.interface.clone(), uploads.explain);
        let access = uploads.access.clone();
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
        let service = service.on(interface).for_addresses(access.clone());
        let accept = move || thread::scope(|scope| accept_loop(scope, &listener, &service));
        let thread = Some(thread::Builder::new().name("upload".into()).spawn(accept)?);
        Ok(Self {
            address,
            stop,
            totals,
            running,
            access,
            permits,
            usual_per_address,
            thread,
            grace,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Totals of its uploads, which still grow while it runs.
    pub fn totals(&self) -> Arc<UploadTotals> {
        Arc::clone(&self.totals)
    }

    /// Its connections, and its end.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The addresses that may connect.
    pub fn access(&self) -> &AccessPolicy {
        &self.access
    }

    /// The number of connections of readers.
    pub fn connections(&self) -> usize {
        self.permits.taken()
    }

    /// How many connections and requests were refused for this cause.
    pub fn refused(&self, cause: Cause) -> u64 {
        self.permits.refusals().of(cause)
    }

    /// Sets the largest number of concurrent connections from one network. `None`: that of the limits.
    pub fn set_per_address(&self, number: Option<NonZeroUsize>) {
        let number = number.map_or(self.usual_per_address, NonZeroUsize::get);
        self.permits.set_limits(self.permits.most(), number);
    }

    /// Closes the connections of addresses that may not connect any more, and returns their number.
    pub fn close_denied(&self) -> usize {
        self.stop.close_from(|address| self.access.check(address).is_err())
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
