//! Connections of a program to itself.
//!
//! A connection to a port of this machine on which nobody listens succeeds if the system chooses that port for the
//! side that connects. A program that tries again and again gets one sooner or later: it would speak with itself, and
//! occupy the port of the server that it waits for.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// Connects within this time, and not to itself.
///
/// # Errors
/// When nobody listens there, or the time has passed.
pub(crate) fn connect(address: &SocketAddr, time: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, time)?;
    refuse_own(&SockRef::from(&stream))?;
    Ok(stream)
}

/// Refuses a connection whose sides are the same. Its port is free again when it is closed.
///
/// # Errors
/// When it is one, or gone already.
pub(crate) fn refuse_own(socket: &SockRef<'_>) -> io::Result<()> {
    if socket.local_addr()?.as_socket() != socket.peer_addr()?.as_socket() {
        return Ok(());
    }
    // A reset leaves no state in which the port stays occupied for a minute.
    socket.set_linger(Some(Duration::ZERO))?;
    Err(io::Error::new(io::ErrorKind::ConnectionRefused, "no program listens there"))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use socket2::{Domain, Socket, Type};

    use super::*;

    #[test]
    fn a_connection_to_itself_is_refused_and_its_port_is_free() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let own = socket.local_addr().unwrap();
        // Not every system connects a socket to itself.
        if socket.connect(&own).is_err() {
            return;
        }
        let error = refuse_own(&SockRef::from(&socket)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        drop(socket);
        let again = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        again.bind(&own).unwrap();
    }

    #[test]
    fn a_connection_to_another_socket_is_not_refused() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(connect(&address, Duration::from_secs(30)).is_ok());
    }
}
