//! Outgoing connections: Happy Eyeballs (RFC 8305) with blocking sockets.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::resolve::resolve;
use crate::protocol::Endpoint;
use crate::{limits, system};

/// Connects to an endpoint, with the options of all our connections. Its addresses share one
/// deadline of five seconds.
///
/// # Errors
/// When the host has no address, or none of them answers.
pub fn connect(endpoint: &Endpoint) -> io::Result<TcpStream> {
    let stream = connect_to(&addresses_of(endpoint)?)?;
    super::set_options(&stream)?;
    Ok(stream)
}

/// The addresses of an endpoint.
///
/// # Errors
/// When its host has none, or its name server does not answer in time.
pub fn addresses_of(endpoint: &Endpoint) -> io::Result<Vec<SocketAddr>> {
    resolve(endpoint.host.as_str(), endpoint.port.value())
}

/// Connects to the first address that answers, without options. IPv6 and IPv4 take turns, and an
/// address that does not answer delays the next one by 250 ms.
///
/// # Errors
/// As [`connect`].
pub fn connect_to(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let deadline = Instant::now() + limits::CONNECT;
    system::connect_first(&in_turns(addresses), limits::CONNECT_STAGGER, deadline)
}

/// The addresses of the two families in turns, beginning with the first (RFC 8305 section 4).
fn in_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut turns = Vec::with_capacity(addresses.len());
    for address in first {
        turns.push(address);
        turns.extend(second.next());
    }
    turns.extend(second);
    turns
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let mixed = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"];
        let turns = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"];
        assert_eq!(in_turns(&addresses(&mixed)), addresses(&turns));
        let mixed = ["1.1.1.1:1", "[::1]:1", "[::2]:1"];
        assert_eq!(in_turns(&addresses(&mixed)), addresses(&mixed));
    }

    /// A listener whose queue is full answers nothing, as a dead address.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_dead_address_costs_a_moment_and_a_refusing_one_nothing() {
        let dead =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        dead.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        dead.listen(0).unwrap();
        let dead_address = dead.local_addr().unwrap().as_socket().unwrap();
        let _fills_the_queue: Vec<_> = (0..4)
            .map(|_| TcpStream::connect_timeout(&dead_address, Duration::from_millis(20)))
            .collect();
        let alive = TcpListener::bind("127.0.0.1:0").unwrap();
        let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let begun = Instant::now();
        let order = [refusing, dead_address, alive.local_addr().unwrap()];
        let stream = connect_to(&order).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive.local_addr().unwrap());
        let took = begun.elapsed();
        assert!(took >= limits::CONNECT_STAGGER && took < limits::CONNECT, "{took:?}");
        assert_eq!(connect_to(&[]).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(connect_to(&[refusing]).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
