//! TCP connections whose bytes are recorded.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::tcp::Tcp;
use super::transport::Transport;
use crate::capture::{Moment, Recorder, Recording, Side};
use crate::system;

/// Bytes of a sent file that are read again at a time.
const READ_AGAIN: usize = 32 * 1024;

/// Where the connections of this process are recorded.
static RECORDER: OnceLock<Arc<Recorder>> = OnceLock::new();

/// From now on new connections of this process are recorded. Only the first call has an effect.
pub(crate) fn record_connections(recorder: Recorder) {
    let _ = RECORDER.set(Arc::new(recorder));
}

/// A connection that is recorded.
#[derive(Debug)]
pub(super) struct Recorded {
    tcp: Tcp,
    recording: Recording,
    /// The side of this process.
    side: Side,
}

impl Recorded {
    /// Records a connection with this recorder, or with that of the process; returns it if there is none.
    pub(super) fn begin(
        tcp: Tcp,
        side: Side,
        recorder: Option<&Arc<Recorder>>,
    ) -> Result<Self, Tcp> {
        let Some(recorder) = recorder.or_else(|| RECORDER.get()) else { return Err(tcp) };
        let (Ok(ours), Ok(theirs)) = (tcp.local_addr(), tcp.peer_addr()) else { return Err(tcp) };
        let (client, server) = match side {
            Side::Client => (ours, theirs),
            Side::Server => (theirs, ours),
        };
        let recording = Recording::begin(recorder, side, client, server);
        Ok(Self { tcp, recording, side })
    }

    /// Bytes were read, or could not be.
    fn note_read(&self, found: io::Result<usize>, buffer: &[u8]) -> io::Result<usize> {
        let other = self.side.other();
        match &found {
            Ok(0) if !buffer.is_empty() => self.recording.ended(other),
            Ok(count) => {
                let bytes = buffer.get(..*count).unwrap_or_default();
                self.recording.sent(other, bytes, self.recording.now());
            }
            Err(error) => self.note_error(error),
        }
        found
    }

    /// Writes bytes. They have the moment before, because the other side may act on them before this continues.
    fn note_written(
        &self,
        bytes: &[u8],
        write: impl FnOnce(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let moment = self.recording.now();
        let found = write(bytes);
        match &found {
            Ok(count) => {
                let bytes = bytes.get(..*count).unwrap_or_default();
                self.recording.sent(self.side, bytes, moment);
            }
            Err(error) => self.note_error(error),
        }
        found
    }

    fn note_error(&self, error: &io::Error) {
        if error.kind() == ErrorKind::ConnectionReset {
            self.recording.aborted(self.side.other());
        }
    }

    /// Bytes of a file were sent without passing through this process: reads those that are recorded.
    fn note_sent(&self, file: &File, mut offset: u64, mut count: usize, moment: Moment) {
        while count > 0 {
            let step = count.min(READ_AGAIN);
            let mut chunk = vec![0; self.recording.recorded(self.side, step)];
            // A file that became shorter meanwhile was sent as it was.
            let filled = system::read_at(file, &mut chunk, offset).unwrap_or(0);
            chunk.truncate(filled);
            self.recording.sent_partly(self.side, &chunk, step, moment);
            offset = offset.saturating_add(step as u64);
            count -= step;
        }
    }
}

impl Transport for Recorded {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let found = self.tcp.read(buffer, deadline);
        self.note_read(found, buffer)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let found = self.tcp.try_read(buffer);
        self.note_read(found, buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.note_written(bytes, |bytes| self.tcp.write(bytes))
    }

    fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
        self.note_written(bytes, |bytes| self.tcp.write_more(bytes))
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.note_written(bytes, |bytes| self.tcp.try_write(bytes))
    }

    fn send_file(&self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        let moment = self.recording.now();
        let sent = self.tcp.send_file(file, offset, count);
        match &sent {
            Ok(count) => self.note_sent(file, offset, *count, moment),
            Err(error) => self.note_error(error),
        }
        sent
    }

    fn set_write_timeout(&self, time: Duration) -> io::Result<()> {
        self.tcp.set_write_timeout(time)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read {
            self.recording.ended(self.side);
        }
        self.tcp.shutdown(how)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    fn has_unread(&self) -> Option<bool> {
        self.tcp.has_unread()
    }

    fn unacknowledged(&self) -> io::Result<Option<u64>> {
        self.tcp.unacknowledged()
    }

    fn tcp(&self) -> Option<&TcpStream> {
        self.tcp.tcp()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.recording.ended(self.side);
    }
}
