//! An open connection to an index, and what its ends are called.

use std::io;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::Arc;

use super::index_error::IndexError;
use super::own_host::own_host;
use crate::net::{self, send};
use crate::protocol::{Endpoint, Host, Port};

/// An open connection. It is closed when this is dropped.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stream: Arc<TcpStream>,
    pub(super) index: Endpoint,
    /// The address of the index.
    pub(super) address: IpAddr,
    pub(super) own: Endpoint,
}

impl Link {
    /// Connects. `host` is the name of this peer, if not the one that is found out; `port` is that
    /// of its upload server. A peer without one names the port of this very connection, which
    /// no other program can have meanwhile.
    pub(super) fn connect(
        index: &Endpoint,
        host: Option<&Host>,
        port: Option<Port>,
    ) -> Result<Self, IndexError> {
        let unreachable = |source| IndexError::Unreachable { index: index.clone(), source };
        let stream = net::connect(index).map_err(unreachable)?;
        let local = stream.local_addr().map_err(unreachable)?;
        let remote = stream.peer_addr().map_err(unreachable)?;
        let host = host.cloned().unwrap_or_else(|| own_host(local, remote));
        let port = port.or_else(|| Port::try_from(local.port()).ok());
        let port = port.ok_or_else(|| unreachable(io::ErrorKind::AddrNotAvailable.into()))?;
        let own = Endpoint { host, port };
        Ok(Self { stream: Arc::new(stream), index: index.clone(), address: remote.ip(), own })
    }

    /// Sends requests. After a failure part of one may have been sent, so the connection is closed.
    pub(super) fn send_bytes(&self, requests: &[u8]) -> Result<(), IndexError> {
        send(&self.stream, requests).map_err(|source| {
            // What the index said before can still be read.
            let _ = self.stream.shutdown(Shutdown::Write);
            self.lost(source)
        })
    }

    pub(super) fn lost(&self, source: io::Error) -> IndexError {
        IndexError::Lost { index: self.index.clone(), source }
    }

    /// Ends the connection: whoever reads from it sees the end.
    pub(super) fn close(&self) {
        // It may be closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Another thread may hold the stream: the connection ends all the same.
        self.close();
    }
}
