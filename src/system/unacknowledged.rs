//! Whether the other side of a connection has all that was sent to it.

use std::io;
use std::net::TcpStream;

/// How many bytes, the end of the stream among them, were sent and not acknowledged; 0 also when the
/// connection is over. `None` if the system never tells.
///
/// # Errors
/// When it cannot be found out now, for example without a descriptor for the system's table.
pub(crate) fn unacknowledged(stream: &TcpStream) -> io::Result<Option<u64>> {
    #[cfg(target_os = "linux")]
    return linux::unacknowledged(stream).map(Some);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        Ok(None)
    }
}

/// By the system's table of connections: asking the socket itself takes unsafe code.
#[cfg(target_os = "linux")]
mod linux {
    use std::fmt::Write;
    use std::fs::File;
    use std::io::{self, BufRead, BufReader};
    use std::net::{IpAddr, SocketAddr, TcpStream};

    /// The state of a connection of which both ends have closed: nothing is left to acknowledge.
    const TIME_WAIT: &str = "06";

    pub(super) fn unacknowledged(stream: &TcpStream) -> io::Result<u64> {
        let here = stream.local_addr()?;
        let there = match stream.peer_addr() {
            // A connection that is over has nobody on its other side.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(0),
            there => there?,
        };
        let table = match here {
            SocketAddr::V4(_) => "/proc/self/net/tcp",
            SocketAddr::V6(_) => "/proc/self/net/tcp6",
        };
        in_file(table, here, there)
    }

    fn in_file(table: &str, here: SocketAddr, there: SocketAddr) -> io::Result<u64> {
        let (here, there) = (in_table(here), in_table(there));
        // There may be ten thousands of lines.
        let mut lines = BufReader::with_capacity(64 * 1024, File::open(table)?);
        let mut line = String::new();
        while lines.read_line(&mut line)? > 0 {
            if let Some(count) = in_line(&line, &here, &there) {
                return Ok(count);
            }
            line.clear();
        }
        Ok(0)
    }

    /// What a line says, if it is that of this connection.
    fn in_line(line: &str, here: &str, there: &str) -> Option<u64> {
        let mut words = line.split_ascii_whitespace().skip(1);
        if words.next()? != here || words.next()? != there {
            return None;
        }
        let state = words.next()?;
        let (sending, _) = words.next()?.split_once(':')?;
        if state == TIME_WAIT { Some(0) } else { u64::from_str_radix(sending, 16).ok() }
    }

    /// An address as the table has it: words of the machine, in hexadecimal digits.
    fn in_table(address: SocketAddr) -> String {
        let mut text = String::new();
        let mut word = |bytes: [u8; 4]| {
            let _ = write!(text, "{:08X}", u32::from_ne_bytes(bytes));
        };
        match address.ip() {
            IpAddr::V4(ip) => word(ip.octets()),
            IpAddr::V6(ip) => ip.octets().as_chunks().0.iter().for_each(|bytes| word(*bytes)),
        }
        let _ = write!(text, ":{:04X}", address.port());
        text
    }

    #[cfg(test)]
    mod tests {
        use std::io::{Read, Write};
        use std::net::{Shutdown, TcpListener};

        use super::*;

        #[test]
        fn what_is_not_acknowledged_is_counted() {
            for address in ["127.0.0.1:0", "[::1]:0"] {
                let Ok(listener) = TcpListener::bind(address) else { continue };
                let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let (mut sender, _) = listener.accept().unwrap();
                assert_eq!(unacknowledged(&sender).unwrap(), 0);
                // More than the reader's system takes while the reader takes nothing.
                sender.set_nonblocking(true).unwrap();
                let bytes = vec![0; 1 << 20];
                while sender.write(&bytes).is_ok() {}
                assert!(unacknowledged(&sender).unwrap() > 0);
                sender.shutdown(Shutdown::Write).unwrap();
                io::copy(&mut reader, &mut io::sink()).unwrap();
                drop(reader);
                while unacknowledged(&sender).unwrap() > 0 {
                    std::thread::yield_now();
                }
                sender.set_nonblocking(false).unwrap();
                assert_eq!(sender.read(&mut [0]).unwrap(), 0);
            }
        }

        #[test]
        fn a_table_that_cannot_be_read_is_in_doubt() {
            let address = "127.0.0.1:1".parse().unwrap();
            assert!(in_file("/proc/self/net/none", address, address).is_err());
        }

        #[test]
        fn lines_of_the_table() {
            let here = in_table("127.0.0.1:8080".parse().unwrap());
            let there = in_table("127.0.0.1:1".parse().unwrap());
            let line = format!("  0: {here} {there} 01 0000001F:00000000 00:00000000");
            assert_eq!(in_line(&line, &here, &there), Some(31));
            assert_eq!(in_line(&line, &there, &here), None);
            assert_eq!(in_line(&line.replace(" 01 ", " 06 "), &here, &there), Some(0));
            assert_eq!(in_line("", &here, &there), None);
        }
    }
}
