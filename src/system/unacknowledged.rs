//! The number of sent bytes that the other side of a connection has not acknowledged (protocol.md section
//! 7).

#[cfg(target_os = "linux")]
mod socket_diagnosis;
#[cfg(target_os = "linux")]
mod socket_table;

use std::io;
use std::net::TcpStream;

#[cfg(target_os = "linux")]
use socket_diagnosis::Diagnosis;

/// The number of sent bytes that were not acknowledged. The end of the stream counts as one byte. `None`
/// if the system does not provide this number.
///
/// # Errors
/// [`io::ErrorKind::NotConnected`] when the connection is closed: then it is unknown what the other side
/// has received. Other errors when a later call may succeed, for example without a descriptor for the
/// request.
pub(crate) fn unacknowledged(stream: &TcpStream) -> io::Result<Option<u64>> {
    #[cfg(target_os = "linux")]
    {
        // This fails when the connection is closed.
        stream.peer_addr()?;
        let found = match socket_diagnosis::ask(stream)? {
            Diagnosis::Unacknowledged(count) => Some(count),
            Diagnosis::NoSuchSocket => None,
            Diagnosis::Unavailable => socket_table::unacknowledged(stream)?,
        };
        // An unknown socket counts as closed.
        found.map(Some).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        Ok(None)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener};
    use std::time::{Duration, Instant};

    use super::*;

    /// The numbers of both sources, of which this system may have only one.
    fn both(stream: &TcpStream) -> Vec<u64> {
        let by_diagnosis = match socket_diagnosis::ask(stream) {
            Ok(Diagnosis::Unacknowledged(count)) => Some(count),
            _ => None,
        };
        let by_table = socket_table::unacknowledged(stream).ok().flatten();
        assert!(by_table.is_some());
        by_table.into_iter().chain(by_diagnosis).collect()
    }

    #[test]
    fn unacknowledged_bytes_are_counted() {
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let mut there = listener.local_addr().unwrap();
            if there.ip().is_unspecified() {
                // An IPv4 connection of an IPv6 socket.
                there.set_ip([127, 0, 0, 1].into());
            }
            let Ok(mut reader) = TcpStream::connect(there) else { continue };
            let (mut sender, _) = listener.accept().unwrap();
            assert!(both(&sender).into_iter().all(|count| count == 0));
            // More than the buffers of a reader that reads nothing.
            sender.set_nonblocking(true).unwrap();
            let bytes = vec![0; 1 << 20];
            while sender.write(&bytes).is_ok() {}
            assert!(both(&sender).into_iter().all(|count| count > 0));
            sender.shutdown(Shutdown::Write).unwrap();
            io::copy(&mut reader, &mut io::sink()).unwrap();
            let deadline = Instant::now() + Duration::from_secs(30);
            while unacknowledged(&sender).unwrap() != Some(0) {
                assert!(Instant::now() < deadline);
                std::thread::yield_now();
            }
            sender.set_nonblocking(false).unwrap();
            drop(reader);
            assert_eq!(sender.read(&mut [0]).unwrap(), 0);
        }
    }

    /// A new connection may have the addresses of a closed one.
    #[test]
    fn another_connection_of_the_same_addresses_is_not_this_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (sender, _) = listener.accept().unwrap();
        let cookie = rustix::net::sockopt::socket_cookie(&sender).unwrap();
        let found = |cookie| socket_diagnosis::ask_for(&sender, cookie).unwrap();
        if found(cookie) == Diagnosis::Unacknowledged(0) {
            assert_eq!(found(cookie + 1), Diagnosis::NoSuchSocket);
        }
        drop(reader);
    }

    #[test]
    fn a_closed_connection_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut sender, _) = listener.accept().unwrap();
        sender.write_all(b"this is not read").unwrap();
        socket2::SockRef::from(&reader).set_linger(Some(Duration::ZERO)).unwrap();
        drop(reader);
        // The reset has arrived.
        assert!(sender.read(&mut [0]).is_err());
        assert_eq!(socket_table::unacknowledged(&sender).unwrap(), None);
        assert_eq!(unacknowledged(&sender).unwrap_err().kind(), io::ErrorKind::NotConnected);
    }
}
