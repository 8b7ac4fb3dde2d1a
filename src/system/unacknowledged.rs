//! How much of what was sent on a connection the other side has not acknowledged (protocol.md section
//! 7).

#[cfg(target_os = "linux")]
mod socket_diagnosis;
#[cfg(target_os = "linux")]
mod socket_table;

use std::io;
use std::net::TcpStream;

#[cfg(target_os = "linux")]
use socket_diagnosis::Diagnosis;

/// How many bytes, the end of the stream among them, were sent and not acknowledged. `None` if the
/// system never tells.
///
/// # Errors
/// [`io::ErrorKind::NotConnected`] when the connection is over: nothing shows then what the other side
/// has received. Other errors when it cannot be found out now, for example without a descriptor for
/// the request.
pub(crate) fn unacknowledged(stream: &TcpStream) -> io::Result<Option<u64>> {
    #[cfg(target_os = "linux")]
    {
        // Fails when the connection is over.
        stream.peer_addr()?;
        let found = match socket_diagnosis::ask(stream)? {
            Diagnosis::Unacknowledged(count) => Some(count),
            Diagnosis::NoSuchSocket => None,
            Diagnosis::Unavailable => socket_table::unacknowledged(stream)?,
        };
        // In doubt it is not known.
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

    /// By either way of asking, of which this system may have one.
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
    fn what_is_not_acknowledged_is_counted() {
        for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let mut there = listener.local_addr().unwrap();
            if there.ip().is_unspecified() {
                // A connection of IPv4 at a socket of IPv6.
                there.set_ip([127, 0, 0, 1].into());
            }
            let Ok(mut reader) = TcpStream::connect(there) else { continue };
            let (mut sender, _) = listener.accept().unwrap();
            assert!(both(&sender).into_iter().all(|count| count == 0));
            // More than the reader's system takes while the reader takes nothing.
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

    /// The addresses of a connection that is over may have another one.
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
    fn a_connection_that_is_over_is_in_doubt() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut sender, _) = listener.accept().unwrap();
        sender.write_all(b"nobody reads this").unwrap();
        socket2::SockRef::from(&reader).set_linger(Some(Duration::ZERO)).unwrap();
        drop(reader);
        // The reset has arrived.
        assert!(sender.read(&mut [0]).is_err());
        assert_eq!(socket_table::unacknowledged(&sender).unwrap(), None);
        assert_eq!(unacknowledged(&sender).unwrap_err().kind(), io::ErrorKind::NotConnected);
    }
}
