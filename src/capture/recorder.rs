//! Records connections of this process as a pcapng file.
//!
//! The bytes come from the programs themselves, so recording needs no privileges. The TCP segments and IP
//! packets around them are made up, with the addresses and times of the connection, so that Wireshark
//! reassembles them.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::packet::{Flags, Packet, Segment};
use super::shortening::Shortening;
use super::{Side, blocks};

/// The longest part of a write in one packet: the length of an IPv4 packet has 16 bits.
const SEGMENT: usize = 60_000;
/// Bytes of a document that are recorded.
const BODY: usize = 64 * 1024;
/// Bytes of a document that a tap sees: it shows no documents.
const SEEN_BODY: usize = 256;

/// A packet that a [`Recorder::with_tap`] sees.
#[derive(Debug)]
pub struct Seen<'a> {
    /// The number of the connection.
    pub connection: u32,
    /// The side of this process.
    pub own: Side,
    /// The address of the client.
    pub client: SocketAddr,
    /// The address of the server.
    pub server: SocketAddr,
    /// The packet; `None` when this process has closed the connection, after its last packet.
    pub packet: Option<Packet<'a>>,
}

/// A file to which connections are recorded, and a function that sees their packets.
#[derive(Debug)]
pub struct Recorder {
    /// Opened to append: each block is one write, so no lock is held while a thread writes.
    file: Option<File>,
    tap: Option<Tap>,
    written: AtomicU64,
    limit: u64,
    has_whole_bodies: bool,
    is_full: AtomicBool,
    streams: AtomicU32,
    /// When it has begun. Times are counted from there, so that a clock that is set changes no order.
    begun: (Duration, Instant),
}

/// A moment of a record: the time since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Moment(Duration);

impl Recorder {
    /// Begins a record in an empty file that was opened to append. No more than `limit` bytes are written to
    /// it. Documents are cut off at 64 KiB unless `has_whole_bodies`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin(mut file: File, limit: u64, has_whole_bodies: bool) -> io::Result<Self> {
        let head = blocks::beginning();
        file.write_all(&head)?;
        Ok(Self {
            file: Some(file),
            tap: None,
            written: AtomicU64::new(head.len() as u64),
            limit,
            has_whole_bodies,
            is_full: AtomicBool::new(false),
            streams: AtomicU32::new(0),
            begun: begun(),
        })
    }

    /// Records to no file.
    pub fn without_file() -> Self {
        Self {
            file: None,
            tap: None,
            written: AtomicU64::new(0),
            limit: 0,
            has_whole_bodies: false,
            is_full: AtomicBool::new(true),
            streams: AtomicU32::new(0),
            begun: begun(),
        }
    }

    /// Also calls this function with each packet, in the threads of the connections. It sees the first
    /// [`SEEN_BODY`] bytes of a document.
    #[must_use]
    pub fn with_tap(self, tap: impl Fn(&Seen<'_>) + Send + Sync + 'static) -> Self {
        Self { tap: Some(Tap(Box::new(tap))), ..self }
    }

    fn now(&self) -> Moment {
        let (time, begun) = self.begun;
        Moment(time.saturating_add(begun.elapsed()))
    }

    fn write(&self, segment: &Segment<'_>, moment: Moment) {
        let Some(mut file) = self.file.as_ref() else { return };
        if self.is_full.load(Ordering::Relaxed) {
            return;
        }
        let block = blocks::packet(moment.0, &segment.encode(), segment.missing());
        let length = block.len() as u64;
        let before = self.written.fetch_add(length, Ordering::Relaxed);
        if before.saturating_add(length) > self.limit {
            self.stop("it has reached the limit of its size");
        } else if let Err(error) = file.write_all(&block) {
            self.stop(&error.to_string());
        }
    }

    fn stop(&self, why: &str) {
        if !self.is_full.swap(true, Ordering::Relaxed) {
            log::warn!("the record of connections ends here: {why}");
        }
    }
}

fn begun() -> (Duration, Instant) {
    (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), Instant::now())
}

/// A function that sees the packets.
struct Tap(Box<dyn Fn(&Seen<'_>) + Send + Sync>);

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").finish_non_exhaustive()
    }
}

/// A connection that is recorded.
#[derive(Debug)]
pub struct Recording {
    recorder: Arc<Recorder>,
    number: u32,
    /// The side of this process.
    own: Side,
    client: SocketAddr,
    server: SocketAddr,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    client: Sender,
    server: Sender,
    /// Which bytes are recorded, and which the tap sees.
    shortening: Shortening,
    seen: Shortening,
}

/// Bytes of a segment.
#[derive(Default)]
struct Data<'a> {
    /// The bytes, or only the first ones.
    bytes: &'a [u8],
    /// How many of them are recorded, and how many the tap sees.
    recorded: usize,
    seen: usize,
    /// The number of bytes that were sent.
    count: usize,
}

/// One side of a connection.
#[derive(Debug)]
struct Sender {
    /// The sequence number of its next byte.
    next: u32,
    has_ended: bool,
}

impl State {
    fn sides(&mut self, side: Side) -> (&mut Sender, &Sender) {
        match side {
            Side::Client => (&mut self.client, &self.server),
            Side::Server => (&mut self.server, &self.client),
        }
    }
}

impl Recording {
    /// Begins to record a connection of which this process is one side, with its handshake.
    pub fn begin(
        recorder: &Arc<Recorder>,
        own: Side,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Self {
        let number = recorder.streams.fetch_add(1, Ordering::Relaxed);
        // Different ones, so that a port that is used again begins another connection for Wireshark.
        let first = number.wrapping_mul(0x0010_0003);
        let sender = || Sender { next: first, has_ended: false };
        let body = if recorder.has_whole_bodies { usize::MAX } else { BODY };
        let (shortening, seen) = (Shortening::new(body), Shortening::new(SEEN_BODY));
        let state = State { client: sender(), server: sender(), shortening, seen };
        let canonical =
            |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        let this = Self {
            recorder: Arc::clone(recorder),
            number,
            own,
            client: canonical(client),
            server: canonical(server),
            state: Mutex::new(state),
        };
        this.control(Side::Client, Flags::SYN);
        this.control(Side::Server, Flags::SYN.and(Flags::ACK));
        this.control(Side::Client, Flags::ACK);
        this
    }

    /// How many of the next `count` bytes of a side are recorded.
    pub fn recorded(&self, side: Side, count: usize) -> usize {
        let Recorder { is_full, tap, .. } = &*self.recorder;
        let state = self.lock();
        let seen = if tap.is_some() { state.seen.room(side) } else { 0 };
        let is_full = is_full.load(Ordering::Relaxed);
        let recorded = if is_full { 0 } else { state.shortening.room(side) };
        seen.max(recorded).min(count)
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.recorder.now()
    }

    /// A side has sent these bytes. For bytes of this process the moment is that before they were sent: they
    /// are recorded afterwards, and the other side may have replied on another connection before that.
    pub fn sent(&self, side: Side, bytes: &[u8], moment: Moment) {
        for part in bytes.chunks(SEGMENT) {
            self.segment(side, part, part.len(), moment);
        }
    }

    /// A side has sent this number of bytes. `bytes` has only the first ones.
    pub fn sent_partly(&self, side: Side, bytes: &[u8], count: usize, moment: Moment) {
        let bytes = bytes.get(..count).unwrap_or(bytes);
        self.sent(side, bytes, moment);
        let mut left = count - bytes.len();
        while left > 0 {
            let step = left.min(SEGMENT);
            self.segment(side, &[], step, moment);
            left -= step;
        }
    }

    /// A side has sent all its bytes.
    pub fn ended(&self, side: Side) {
        if self.ends(side) {
            self.control(side, Flags::FIN.and(Flags::ACK));
        }
    }

    /// A side has aborted the connection.
    pub fn aborted(&self, side: Side) {
        if self.ends(side) {
            self.lock().sides(side.other()).0.has_ended = true;
            self.control(side, Flags::RST.and(Flags::ACK));
        }
    }

    /// Whether a side ends now.
    fn ends(&self, side: Side) -> bool {
        !std::mem::replace(&mut self.lock().sides(side).0.has_ended, true)
    }

    fn control(&self, side: Side, flags: Flags) {
        let counted = u32::from(flags.has(Flags::SYN) || flags.has(Flags::FIN));
        let (sequence, acknowledged) = self.advance(side, counted);
        self.write(self.now(), side, (sequence, acknowledged), flags, &Data::default());
    }

    fn segment(&self, side: Side, bytes: &[u8], count: usize, moment: Moment) {
        let (recorded, seen) = {
            let mut state = self.lock();
            (state.shortening.next(side, bytes, count), state.seen.next(side, bytes, count))
        };
        let (sequence, acknowledged) = self.advance(side, u32::try_from(count).unwrap_or(0));
        let flags = Flags::PSH.and(Flags::ACK);
        let data = Data { bytes, recorded, seen, count };
        self.write(moment, side, (sequence, acknowledged), flags, &data);
    }

    /// Counts bytes of a side. Returns the number of the first one, and of the next byte of the other side.
    fn advance(&self, side: Side, count: u32) -> (u32, u32) {
        let mut state = self.lock();
        let (sender, other) = state.sides(side);
        let sequence = sender.next;
        sender.next = sequence.wrapping_add(count);
        (sequence, other.next)
    }

    fn write(
        &self,
        moment: Moment,
        side: Side,
        (sequence, acknowledged): (u32, u32),
        flags: Flags,
        data: &Data<'_>,
    ) {
        let (from, to) = match side {
            Side::Client => (self.client, self.server),
            Side::Server => (self.server, self.client),
        };
        let Data { bytes, recorded, seen, count: length } = *data;
        let segment = |most: usize| {
            let data = bytes.get(..most).unwrap_or(bytes);
            Segment { from, to, sequence, acknowledged, flags, data, length }
        };
        if self.recorder.tap.is_some() {
            self.report(Some(segment(seen).packet()));
        }
        self.recorder.write(&segment(recorded), moment);
    }

    fn report(&self, packet: Option<Packet<'_>>) {
        if let Some(Tap(tap)) = &self.recorder.tap {
            let Self { number: connection, own, client, server, .. } = *self;
            tap(&Seen { connection, own, client, server, packet });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.report(None);
    }
}
