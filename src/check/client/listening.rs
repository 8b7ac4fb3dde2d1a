//! The listening sockets of the index server and the upload server that a client is tested with.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::connection::{Event, Id, Server, serve};

/// Connections that are served at the same time. Further ones are closed.
const CONNECTIONS: usize = 64;

/// Accepts connections until the process ends, and reports what happens on them.
#[derive(Debug)]
pub(super) struct Listening {
    sender: Sender<Event>,
    next: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

/// What a listening socket is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Index,
    Upload,
}

impl Listening {
    /// Listens with the socket of an index server.
    pub(super) fn start(listener: TcpListener) -> io::Result<(Self, Receiver<Event>)> {
        let (sender, receiver) = channel();
        let listening = Self { sender, next: Arc::default(), open: Arc::default() };
        listening.accept(listener, Kind::Index)?;
        Ok((listening, receiver))
    }

    /// Listens for downloads, on a port of its own.
    pub(super) fn start_upload(&self, index: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((index.ip(), 0))?;
        let address = listener.local_addr()?;
        self.accept(listener, Kind::Upload)?;
        Ok(address)
    }

    fn accept(&self, listener: TcpListener, kind: Kind) -> io::Result<()> {
        let (sender, next, open) =
            (self.sender.clone(), Arc::clone(&self.next), Arc::clone(&self.open));
        let accept = move || {
            loop {
                match listener.accept() {
                    Ok((stream, client)) => {
                        let id: Id = next.fetch_add(1, Ordering::Relaxed);
                        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
                            open.fetch_sub(1, Ordering::Relaxed);
                            continue;
                        }
                        // Each piece is a segment.
                        let _ = stream.set_nodelay(true);
                        let server = match kind {
                            Kind::Index => Server::index(client),
                            Kind::Upload => Server::upload(client),
                        };
                        let (sender, counter) = (sender.clone(), Arc::clone(&open));
                        let work = move || {
                            serve(stream, id, server, sender);
                            counter.fetch_sub(1, Ordering::Relaxed);
                        };
                        if thread::Builder::new().name("client".into()).spawn(work).is_err() {
                            open.fetch_sub(1, Ordering::Relaxed);
                        }
                    }
                    // No descriptor is left, for example.
                    Err(_) => thread::sleep(Duration::from_millis(50)),
                }
            }
        };
        thread::Builder::new().name("listening".into()).spawn(accept).map(drop)
    }
}
