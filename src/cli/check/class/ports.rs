//! The ports on which the program of a submission listens.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::system::connect;

/// Time to connect to a program of this machine.
const CONNECT: Duration = Duration::from_secs(5);

/// Where a program with this port is reached.
pub(super) fn addresses(port: u16) -> [SocketAddr; 2] {
    [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

/// A port that is free now.
pub(super) fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port())
}

/// Waits until a program can listen on the port: connections of the last one block it for a minute.
pub(super) fn wait_until_free(port: u16) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(70);
    loop {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None);
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        // Without SO_REUSEADDR, as a program may do it.
        let Err(error) = socket.and_then(|socket| socket.bind(&address.into())) else {
            return Ok(());
        };
        let is_in_use = addresses(port).iter().any(|address| connect(address, CONNECT).is_ok());
        if error.kind() != io::ErrorKind::AddrInUse || is_in_use || Instant::now() >= deadline {
            return Err(format!("port {port} cannot be used here: {error}"));
        }
        thread::sleep(Duration::from_millis(250));
    }
}
