//! Sharing a directory: uploads to other peers, and a registration at an index server that follows the
//! changes of the directory (protocol.md sections 4.2, 4.6 and 5).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use crate::discovery::{Clusters, HolderSource, IndexDialect, IndexError};
use crate::library::{BackgroundHasher, SharedLibrary, Watcher};
use crate::limits;
use crate::net::{Cancel, Interface};
use crate::protocol::{Document, Endpoint, Host, Port};
use crate::registration::{
    Announcements, Announcer, Event, OwnEnd, Registrant, Registration, Registrations,
};
use crate::upload::{UploadServer, Uploads};

/// How a directory is shared.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SharingOptions {
    /// The host name under which the peer registers, if not the one that it finds out.
    pub host: Option<Host>,
    /// Settings of the upload server.
    pub uploads: Uploads,
    /// The network interface of the peer.
    pub interface: Interface,
    /// Deadlines of requests to the index server.
    pub index_client: limits::IndexClient,
    /// When the directory is scanned.
    pub scans: limits::Library,
    /// Pauses and deadlines of staying registered.
    pub registration: limits::Registration,
    /// Sources of holders besides the index servers. With one, no index server has to be reachable.
    pub sources: Vec<Arc<dyn HolderSource>>,
}

/// A shared directory. Dropping it ends the registration and the uploads.
///
/// ```
/// use std::net::TcpListener;
///
/// use p2p_ci::library::{Depth, Library};
/// use p2p_ci::peer::{Peer, Sharing, SharingOptions};
/// use p2p_ci::server::{Config, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = Server::bind(&Config { listen: vec!["127.0.0.1:0".parse()?], ..Config::default() })?;
/// # let index = server.addresses()?[0].to_string().parse::<p2p_ci::protocol::Endpoint>()?;
/// # let stop = server.stop();
/// # let running = std::thread::spawn(move || server.run());
/// # let directory = tempfile::tempdir()?;
/// std::fs::write(directory.path().join("rfc793.txt"), "TRANSMISSION CONTROL PROTOCOL")?;
/// let library = Library::scan(directory.path(), Depth::Directory)?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let sharing = Sharing::start(library, listener, index.clone(), SharingOptions::default(), |event| {
///     println!("{event:?}");
/// })?;
/// sharing.wait_until_registered()?;
///
/// assert_eq!(Peer::new(index).find(&p2p_ci::protocol::Document::Rfc("793".parse()?))?.len(), 1);
/// # drop(sharing);
/// # stop.stop();
/// # running.join().expect("the server ends");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sharing {
    pub(crate) registrations: Registrations,
    pub(crate) uploads: Arc<UploadServer>,
    pub(crate) library: SharedLibrary,
    _watching: Watcher,
    pub(crate) hashing: BackgroundHasher,
    announcers: Vec<Announcer>,
}

impl Sharing {
    /// Uploads the documents of a library to peers that connect to `listener`, and registers them with an
    /// index server. Connections that fail are repeated. `on_event` is called with each event, by other
    /// threads.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        library: SharedLibrary,
        listener: TcpListener,
        index: Endpoint,
        options: SharingOptions,
        on_event: impl Fn(Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start_with_all(library, listener, index, Vec::new(), options, move |_, event| {
            on_event(event)
        })
    }

    /// Shares a library as [`Sharing::start`] does, with several index servers. `on_event` is called with the
    /// server of each event.
    ///
    /// # Errors
    /// As [`Sharing::start`].
    pub fn start_with_all(
        library: SharedLibrary,
        listener: TcpListener,
        first: Endpoint,
        others: Vec<Endpoint>,
        options: SharingOptions,
        on_event: impl Fn(&Endpoint, Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let SharingOptions {
            host,
            mut uploads,
            interface,
            index_client,
            scans,
            registration,
            sources,
        } = options;
        uploads.interface = interface.clone();
        let uploads = UploadServer::start(listener, library.clone(), uploads)?;
        let port = Port::try_from(uploads.address().port()).map_err(io::Error::other)?;
        let own = OwnEnd { host, port, interface };
        let on_event = Arc::new(on_event);
        let clusters = Arc::new(Clusters::default());
        let register = |(number, index): (usize, Endpoint)| {
            let (on_event, server) = (Arc::clone(&on_event), index.clone());
            let on_event = move |event| on_event(&server, event);
            let dialect = IndexDialect::with_limits(index_client);
            let (own, library) = (own.clone(), library.clone());
            let registrant = Registrant { clusters: Arc::clone(&clusters), number };
            let one = Registration::start_one_of(
                registrant,
                index,
                own,
                library,
                dialect,
                registration,
                on_event,
            );
            one.map(Arc::new)
        };
        let first = register((0, first))?;
        let others = (1..).zip(others).map(register).collect::<io::Result<_>>()?;
        let registrations = Registrations::new(first, others).with_sources(sources);
        let announcers = registrations.all().map(|one| Announcer::start(Arc::clone(one)));
        let announcers = announcers.collect::<io::Result<Vec<_>>>()?;
        let announce = Announcements::of(&announcers);
        let hashed = move |document: &Document| announce.send(document);
        let hashing = BackgroundHasher::start(library.clone(), hashed)?;
        let (announce, hash) = (Announcements::of(&announcers), hashing.queue());
        let changed = move |document: &Document| {
            announce.send(document);
            // When the thread ends, none is left to read the queue.
            let _ = hash.send(document.clone());
        };
        let watching = Watcher::start(library.clone(), scans, changed)?;
        let uploads = Arc::new(uploads);
        Ok(Self { registrations, uploads, library, _watching: watching, hashing, announcers })
    }

    /// The address of the upload server.
    pub fn address(&self) -> SocketAddr {
        self.uploads.address()
    }

    /// The documents that are shared.
    pub fn library(&self) -> &SharedLibrary {
        &self.library
    }

    /// Waits until all documents are registered, or the index server could not be reached once. Of several
    /// servers, one must have been reached.
    ///
    /// # Errors
    /// When the index server could not be reached. The registration continues.
    pub fn wait_until_registered(&self) -> Result<(), IndexError> {
        self.registrations.wait(&Cancel::new())
    }

    /// The queues of documents that are announced when the index servers are reachable.
    pub(crate) fn announcements(&self) -> Announcements {
        Announcements::of(&self.announcers)
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        // Before the threads that ask the index are waited for.
        self.registrations.close();
    }
}
