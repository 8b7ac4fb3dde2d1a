//! A peer that has joined.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::faulty::FaultyHolder;
use super::scenario::{Fault, Group};
use crate::library::{Depth, Library, SharedLibrary};
use crate::limits;
use crate::net::{self, Bandwidth, Cancel, Interface, Line};
use crate::peer::{
    Announcer, BackgroundHasher, Downloader, IndexDialect, IndexGroup, OwnEnd, PeerStats,
    Registration, Registrations, Sharing, SharingOptions,
};
use crate::protocol::{Document, Endpoint, Host, Port};

/// A peer that has joined. It leaves with [`Member::leave`], or when it is dropped.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) number: usize,
    pub(super) library: SharedLibrary,
    pub(super) registration: Arc<Registration>,
    pub(super) queries: IndexGroup,
    pub(super) downloader: Downloader,
    pub(super) line: Line,
    pub(super) address: SocketAddr,
    /// Ends everything that the peer does.
    pub(super) cancel: Cancel,
    serving: Mutex<Option<Serving>>,
}

/// What serves other peers. It ends when it is dropped.
#[derive(Debug)]
enum Serving {
    Sharing { _sharing: Sharing },
    Faulty { _holder: FaultyHolder, _hashing: BackgroundHasher, _announcer: Announcer },
}

/// Where a peer is.
pub(super) struct Place<'a> {
    pub(super) number: usize,
    pub(super) address: IpAddr,
    pub(super) directory: &'a Path,
    pub(super) index: &'a Endpoint,
    /// An interface with a record.
    pub(super) interface: Interface,
}

impl Member {
    /// Starts to share the directory. The documents are registered by other threads.
    pub(super) fn join(place: Place<'_>, group: &Group) -> io::Result<Self> {
        let Place { number, address, directory, index, mut interface } = place;
        let line = Line::new(group.latency, group.rate);
        interface.line = Some(line.clone());
        interface.address = Some(address);
        let library = Library::scan(directory, Depth::Directory)?;
        let listener = net::listen(SocketAddr::new(address, 0))?;
        let here = listener.local_addr()?;
        let host: Host = address.to_string().parse().map_err(io::Error::other)?;
        let (registration, serving) = match group.fault {
            None => {
                let mut options = SharingOptions { host: Some(host), ..SharingOptions::default() };
                options.interface = interface.clone();
                // A peer that leaves does so immediately.
                options.uploads.limits.grace = Duration::ZERO;
                let sharing =
                    Sharing::start(library.clone(), listener, index.clone(), options, |_| {})?;
                (Arc::clone(sharing.registrations.first()), Serving::Sharing { _sharing: sharing })
            }
            Some(fault) => {
                let port = Port::try_from(here.port()).map_err(io::Error::other)?;
                let own = OwnEnd { host: Some(host), port, interface: interface.clone() };
                faulty(fault, listener, index.clone(), own, &library)?
            }
        };
        let (stats, policy) = (PeerStats::default(), net::AddressPolicy::default());
        let limits = limits::Downloads::default();
        let cancel = Cancel::new();
        let downloader = Downloader::new(stats, Bandwidth::default(), policy, limits)
            .on(interface)
            .with_cancel(cancel.clone());
        let registrations = Registrations::new(Arc::clone(&registration), Vec::new());
        let queries = registrations.queries();
        queries.cancel_with(&cancel);
        let serving = Mutex::new(Some(serving));
        Ok(Self {
            number,
            library,
            registration,
            queries,
            downloader,
            line,
            address: here,
            cancel,
            serving,
        })
    }

    /// Whether it has a document.
    pub(super) fn has(&self, document: &Document) -> bool {
        self.library.read().entry(document).is_some()
    }

    /// Cancels its downloads, and closes its connections.
    pub(super) fn leave(&self) {
        self.cancel.cancel();
        self.registration.close();
        self.queries.close();
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(serving);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A peer whose upload server has a fault, and which does everything else as others do.
fn faulty(
    fault: Fault,
    listener: std::net::TcpListener,
    index: Endpoint,
    own: OwnEnd,
    library: &SharedLibrary,
) -> io::Result<(Arc<Registration>, Serving)> {
    let interface = own.interface.clone();
    let holder = FaultyHolder::start(listener, library.clone(), fault, interface)?;
    let (dialect, limits) = (IndexDialect::default(), limits::Registration::default());
    let registration = Registration::start(index, own, library.clone(), dialect, limits, |_| {})?;
    let registration = Arc::new(registration);
    let announcer = Announcer::start(Arc::clone(&registration))?;
    let queue = announcer.queue();
    // When the threads end, no thread is left to read the queue.
    let hashed = move |document: &Document| drop(queue.send(document.clone()));
    let hashing = BackgroundHasher::start(library.clone(), hashed)?;
    let serving = Serving::Faulty { _holder: holder, _hashing: hashing, _announcer: announcer };
    Ok((registration, serving))
}
