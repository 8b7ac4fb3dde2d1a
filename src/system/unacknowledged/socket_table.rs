//! The table of connections in `/proc`, for a process that may not use `sock_diag(7)` (protocol.md
//! section 7). Threads that need it at the same time share one read of it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The tables of IPv4 and IPv6.
static TABLES: [Table; 2] = [Table::new("/proc/self/net/tcp"), Table::new("/proc/self/net/tcp6")];

struct Table {
    path: &'static str,
    last: Mutex<Option<Reading>>,
}

/// The unacknowledged bytes of each socket, by its inode.
struct Reading {
    begun: Instant,
    sockets: HashMap<u64, u64>,
}

/// The unacknowledged bytes of a connection; `None` if the table has no such socket.
pub(super) fn unacknowledged(stream: &TcpStream) -> io::Result<Option<u64>> {
    let inode = rustix::fs::fstat(stream)?.st_ino;
    let [v4, v6] = &TABLES;
    let table = match stream.local_addr()? {
        SocketAddr::V4(_) => v4,
        SocketAddr::V6(_) => v6,
    };
    table.find(inode)
}

impl Table {
    const fn new(path: &'static str) -> Self {
        Self { path, last: Mutex::new(None) }
    }

    /// The bytes of one socket, no older than this call. Threads that call this while the table is read
    /// wait, and the first of them reads it again for all.
    fn find(&self, inode: u64) -> io::Result<Option<u64>> {
        let called = Instant::now();
        // Locked while the table is read: otherwise each of many threads would read all of it. This is
        // only needed on systems that refuse queries for one socket. A panic leaves the older table.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = match last.take() {
            Some(reading) if reading.begun >= called => reading,
            _ => {
                let begun = Instant::now();
                Reading {
                    begun,
                    sockets: read(BufReader::with_capacity(64 * 1024, File::open(self.path)?))?,
                }
            }
        };
        let found = reading.sockets.get(&inode).copied();
        *last = Some(reading);
        Ok(found)
    }
}

fn read(mut lines: impl BufRead) -> io::Result<HashMap<u64, u64>> {
    let mut sockets = HashMap::new();
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        sockets.extend(parse(&line));
        line.clear();
    }
    Ok(sockets)
}

/// The inode and the unacknowledged bytes of a connection; `None` for the header of the table, for a
/// listening socket, and for a connection without a process.
fn parse(line: &str) -> Option<(u64, u64)> {
    const LISTENING: &str = "0A";
    let mut words = line.split_ascii_whitespace().skip(3);
    let state = words.next()?;
    let (unacknowledged, _) = words.next()?.split_once(':')?;
    let inode = words.nth(4)?.parse().ok().filter(|inode| *inode > 0)?;
    let unacknowledged = u64::from_str_radix(unacknowledged, 16).ok()?;
    (state != LISTENING).then_some((inode, unacknowledged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_cannot_be_read_is_in_doubt() {
        assert!(Table::new("/proc/self/net/none").find(1).is_err());
    }

    #[test]
    fn lines_of_the_table() {
        let line = "   3: 0100007F:1F90 0100007F:0001 01 0000001F:00000000 00:00000000 00000000     \
                    0        0 52311 1 0000000000000000 20 4 0 10 -1";
        assert_eq!(parse(line), Some((52311, 31)));
        assert_eq!(parse(&line.replace(" 01 ", " 0A ")), None);
        assert_eq!(parse(&line.replace("52311", "0")), None);
        assert_eq!(parse("  sl  local_address rem_address   st tx_queue rx_queue"), None);
        assert_eq!(parse(""), None);
        let table = format!("  sl  local_address\n{line}\n");
        assert_eq!(read(table.as_bytes()).unwrap(), HashMap::from([(52311, 31)]));
    }

    #[test]
    fn threads_share_a_reading() {
        let table = Table::new("/proc/self/net/tcp");
        let none = table.find(1).unwrap();
        assert_eq!(none, None);
        let begun = || table.last.lock().unwrap().as_ref().map(|reading| reading.begun);
        let first = begun();
        // A later call reads it again.
        table.find(1).unwrap();
        assert!(begun() > first);
        // One that has waited does not.
        let later = Instant::now() + std::time::Duration::from_secs(3600);
        let sockets = HashMap::from([(7, 9)]);
        *table.last.lock().unwrap() = Some(Reading { begun: later, sockets });
        assert_eq!(table.find(7).unwrap(), Some(9));
    }
}
