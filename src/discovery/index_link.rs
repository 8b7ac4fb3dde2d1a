//! An open connection to an index server, and the endpoints of both sides.

use std::io;
use std::net::{Ipv6Addr, Shutdown, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::index_error::IndexError;
use super::own_host::{own_address, own_host};
use crate::limits;
use crate::net::{Cancel, Connection, Dialer, Provenance, Target, send};
use crate::protocol::dialect::RequestForm;
use crate::protocol::{Endpoint, Host, Port};

/// An open connection. It is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: Arc<Connection>,
    pub(super) index: Endpoint,
    /// The address of the index.
    pub(crate) address: SocketAddr,
    /// The endpoint that this peer names as its own.
    pub(crate) own: Endpoint,
    /// The form of requests on this connection.
    pub(crate) form: RequestForm,
    /// The interface of an index with a link-local address: its peers are on the same link.
    scope: Option<NonZeroU32>,
}

impl Link {
    /// Connects. Without `host` the host of this peer is found out; `port` is the port of its upload
    /// server. A peer without an upload server names its address and the local port of this connection,
    /// which no other program can have meanwhile.
    ///
    /// A form of requests may begin with a line for joining. It travels in a segment of its own, and what a
    /// server replies to it is not a reply to a request.
    pub(crate) fn connect(
        dialer: &Dialer,
        index: &Endpoint,
        provenance: Provenance,
        host: Option<&Host>,
        port: Option<Port>,
        form: RequestForm,
        cancel: &Cancel,
    ) -> Result<Self, IndexError> {
        let unreachable = |source| IndexError::Unreachable { index: index.clone(), source };
        let target =
            Target { provenance, ..Target::of_user(index.host.as_str(), index.port.value()) };
        let stream = dialer.connect(target, cancel).map_err(unreachable)?;
        let local = stream.local_addr().map_err(unreachable)?;
        let remote = stream.peer_addr().map_err(unreachable)?;
        let host = host.cloned().unwrap_or_else(|| match port {
            Some(_) => own_host(local, remote, dialer.limits().resolve, cancel),
            None => own_address(local, remote),
        });
        let port = port.or_else(|| Port::try_from(local.port()).ok());
        let port = port.ok_or_else(|| unreachable(io::ErrorKind::AddrNotAvailable.into()))?;
        let mut link = Self::over(stream, index, Endpoint { host, port }).map_err(unreachable)?;
        link.form = form;
        if let Some(joining) = form.joining(&link.own) {
            link.send_bytes(joining.as_bytes())?;
            link.discard_for(limits::AFTER_JOINING);
        }
        Ok(link)
    }

    /// Discards what arrives within this time, and at most 4 KiB.
    fn discard_for(&self, time: Duration) {
        let (end, mut chunk) = (limits::ends_after(time), [0; 256]);
        for _ in 0..16 {
            // The next request finds out if the connection has ended.
            if !self.stream.read(&mut chunk, Some(end)).is_ok_and(|count| count > 0) {
                return;
            }
        }
    }

    /// A link over this connection. `own` is the endpoint that this peer names as its own.
    pub(crate) fn over(stream: Connection, index: &Endpoint, own: Endpoint) -> io::Result<Self> {
        let (index, address) = (index.clone(), stream.peer_addr()?);
        Ok(Self {
            stream: Arc::new(stream),
            index,
            address,
            own,
            form: RequestForm::default(),
            scope: scope_of(address),
        })
    }

    /// Adds the interface of the index to an endpoint with a link-local address: without an interface
    /// it could not be connected to.
    pub(crate) fn scoped(&self, endpoint: Endpoint) -> Endpoint {
        let Some(scope) = self.scope else { return endpoint };
        let is_link_local = |address: Ipv6Addr| address.is_unicast_link_local();
        if !endpoint.host.as_str().parse().is_ok_and(is_link_local) {
            return endpoint;
        }
        match format!("{}%{scope}", endpoint.host).parse() {
            Ok(host) => Endpoint { host, ..endpoint },
            Err(_) => endpoint,
        }
    }

    /// Sends requests in the form for this server.
    pub(crate) fn send_requests(&self, requests: Vec<u8>) -> Result<(), IndexError> {
        self.send_bytes(&self.form.apply(requests))
    }

    /// Sends bytes. After a failure part of one may have been sent, so the connection is closed.
    fn send_bytes(&self, requests: &[u8]) -> Result<(), IndexError> {
        send(&self.stream, requests).map_err(|source| {
            // The bytes that the index has sent before can still be read.
            let _ = self.stream.shutdown(Shutdown::Write);
            self.lost(source)
        })
    }

    pub(crate) fn lost(&self, source: io::Error) -> IndexError {
        IndexError::Lost { index: self.index.clone(), source }
    }

    /// Ends the connection. A thread that reads from it sees the end of input.
    pub(crate) fn close(&self) {
        // It may be closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn scope_of(index: SocketAddr) -> Option<NonZeroU32> {
    match index {
        SocketAddr::V6(address) if address.ip().is_unicast_link_local() => {
            NonZeroU32::new(address.scope_id())
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => None,
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Another thread may hold the stream; the connection ends nevertheless.
        self.close();
    }
}
