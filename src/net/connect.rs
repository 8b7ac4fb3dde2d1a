//! Outgoing connections.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

use crate::limits;
use crate::protocol::Endpoint;

/// Connects to an endpoint, with the options of all our connections: each of its addresses is
/// tried in turn, for five seconds.
///
/// # Errors
/// When the host has no address, or none of them answers; the error is that of the last one.
pub fn connect(endpoint: &Endpoint) -> io::Result<TcpStream> {
    let stream = connect_to(&resolve(endpoint)?)?;
    super::set_options(&stream)?;
    Ok(stream)
}

/// The addresses of an endpoint.
///
/// # Errors
/// When its host has none.
pub fn resolve(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    Ok((endpoint.host.as_str(), endpoint.port.value()).to_socket_addrs()?.collect())
}

/// Connects to the first address that answers, without options.
///
/// # Errors
/// As [`connect`].
pub fn connect_to(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(address, limits::CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
