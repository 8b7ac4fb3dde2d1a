//! Outgoing connections: one deadline for resolving the name and for all of its addresses (protocol.md
//! section 7).

use std::io;
use std::net::TcpStream;
use std::time::Instant;

use super::cancel::Cancel;
use super::dial::Dial;
use super::resolve::resolve;
use crate::limits;
use crate::system::wait_for_any;

/// Connects to a host within five seconds, and sets the options of [`set_options`](super::set_options).
///
/// # Errors
/// When the host has no address, none of them answers in time, or the attempt is cancelled.
pub fn connect(host: &str, port: u16, cancel: &Cancel) -> io::Result<TcpStream> {
    let deadline = Instant::now() + limits::CONNECT;
    let mut dial = Dial::new(resolve(host, port, cancel)?);
    loop {
        let now = Instant::now();
        cancel.check()?;
        if let Some(connected) = dial.advance(now) {
            let stream = connected?;
            super::set_options(&stream)?;
            return Ok(stream);
        }
        if now >= deadline {
            return Err(not_connected_in_time());
        }
        let until = dial.next_at().map_or(deadline, |next| next.min(deadline));
        let until = until.min(now + limits::INTERRUPT_POLL);
        let sockets: Vec<_> = dial.sockets().collect();
        wait_for_any(&sockets, until.saturating_duration_since(now))?;
    }
}

pub(crate) fn not_connected_in_time() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no address of the host answered in time")
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};
    use std::time::Duration;

    use super::*;

    /// Dials addresses one after the other, as [`connect`] does.
    fn dial(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
        let mut dial = Dial::new(addresses);
        loop {
            if let Some(result) = dial.advance(Instant::now()) {
                return result;
            }
            let sockets: Vec<_> = dial.sockets().collect();
            wait_for_any(&sockets, Duration::from_millis(10)).unwrap();
        }
    }

    #[test]
    fn an_address_that_refuses_is_followed_by_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let open = listener.local_addr().unwrap();
        let stream = dial(vec![closed, open]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let refused = dial(vec![closed]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    /// A listener whose queue is full: further attempts to connect to it are not answered.
    fn unanswering() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            queued.push(stream);
            assert!(queued.len() < 100, "the queue has no end");
        }
        (socket, address, queued)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_attempt_is_cancelled_soon() {
        let (_socket, dead, _queued) = unanswering();
        let host = dead.ip().to_string();
        let cancel = Cancel::new();
        let (cancelled_at, error) = std::thread::scope(|scope| {
            let connecting = scope.spawn(|| (connect(&host, dead.port(), &cancel), Instant::now()));
            assert!(!cancel.sleep(Duration::from_millis(100)));
            let at = Instant::now();
            cancel.cancel();
            let (outcome, ended_at) = connecting.join().unwrap();
            (ended_at.saturating_duration_since(at), outcome.unwrap_err())
        });
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        assert!(cancelled_at < limits::CONNECT / 4, "{cancelled_at:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_dead_address_costs_a_quarter_of_a_second() {
        let (_socket, dead, _queued) = unanswering();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let begun = Instant::now();
        let stream = dial(vec![dead, open]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let time = begun.elapsed();
        assert!(time >= limits::CONNECT_STAGGER, "{time:?}");
        assert!(time < Duration::from_secs(4), "{time:?}");
    }
}
