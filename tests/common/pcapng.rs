//! Captures: TCP connections over IPv4 with made-up addresses, written as pcapng.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Packets without a link layer (LINKTYPE_RAW).
const LINK_TYPE: u16 = 101;

/// The longest part of a message in one packet.
const SEGMENT: usize = 16_000;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// The side of a connection that sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    Client,
    Server,
}

/// A capture file.
pub struct Capture {
    file: BufWriter<File>,
    /// Microseconds since 1970.
    now: u64,
}

/// A connection in a capture.
pub struct Connection {
    client: u16,
    server: u16,
    /// The next sequence numbers of the client and of the server.
    next: [u32; 2],
}

impl Capture {
    pub fn create(path: &Path) -> Self {
        let mut file = BufWriter::new(File::create(path).unwrap());
        let mut section = 0x1A2B_3C4D_u32.to_le_bytes().to_vec();
        section.extend([1, 0, 0, 0]);
        section.extend(u64::MAX.to_le_bytes());
        block(&mut file, 0x0A0D_0D0A, &section);
        let mut interface = LINK_TYPE.to_le_bytes().to_vec();
        interface.extend([0; 6]);
        block(&mut file, 1, &interface);
        Self { file, now: 1_700_000_000_000_000 }
    }

    /// The time of the packets that follow, in microseconds after the beginning.
    pub fn at(&mut self, microseconds: u64) {
        self.now = 1_700_000_000_000_000 + microseconds;
    }

    /// Opens a connection: SYN, SYN and ACK, ACK.
    pub fn connect(&mut self, client: u16, server: u16) -> Connection {
        let mut connection = Connection { client, server, next: [1_000, 5_000] };
        self.packet(&mut connection, Side::Client, SYN, b"");
        self.packet(&mut connection, Side::Server, SYN | ACK, b"");
        self.packet(&mut connection, Side::Client, ACK, b"");
        connection
    }

    /// Sends bytes in segments.
    pub fn send(&mut self, connection: &mut Connection, side: Side, bytes: &[u8]) {
        for segment in bytes.chunks(SEGMENT) {
            self.packet(connection, side, PSH | ACK, segment);
        }
    }

    pub fn finish(&mut self, connection: &mut Connection, side: Side) {
        self.packet(connection, side, FIN | ACK, b"");
    }

    pub fn reset(&mut self, connection: &mut Connection, side: Side) {
        self.packet(connection, side, RST | ACK, b"");
    }

    /// Writes one packet, a millisecond after the last one.
    fn packet(&mut self, connection: &mut Connection, side: Side, flags: u8, data: &[u8]) {
        self.now += 1_000;
        let from_client = side == Side::Client;
        let (source, destination) = match from_client {
            true => (connection.client, connection.server),
            false => (connection.server, connection.client),
        };
        let [client, server] = connection.next;
        let (sequence, acknowledged) =
            if from_client { (client, server) } else { (server, client) };
        let mut packet = vec![0x45, 0];
        packet.extend(u16::try_from(40 + data.len()).unwrap().to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        let hosts = if from_client { [1, 2] } else { [2, 1] };
        packet.extend(hosts.into_iter().flat_map(|host| [192, 0, 2, host]));
        packet.extend(source.to_be_bytes());
        packet.extend(destination.to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        let acknowledged = if flags & ACK == 0 { 0 } else { acknowledged };
        packet.extend(acknowledged.to_be_bytes());
        packet.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        packet.extend(data);
        let length = u32::try_from(packet.len()).unwrap();
        let mut body = 0_u32.to_le_bytes().to_vec();
        body.extend(u32::try_from(self.now >> 32).unwrap().to_le_bytes());
        body.extend(u32::try_from(self.now & 0xFFFF_FFFF).unwrap().to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(&packet);
        block(&mut self.file, 6, &body);
        let counted = u32::from(flags & (SYN | FIN) != 0);
        let advance = u32::try_from(data.len()).unwrap() + counted;
        let next = &mut connection.next[usize::from(!from_client)];
        *next = next.wrapping_add(advance);
    }

    /// Writes what is buffered.
    pub fn close(mut self) {
        self.file.flush().unwrap();
    }
}

/// A block of pcapng: kind, length, body in multiples of four bytes, length.
fn block(file: &mut impl Write, kind: u32, body: &[u8]) {
    let padding = body.len().wrapping_neg() % 4;
    let length = u32::try_from(12 + body.len() + padding).unwrap().to_le_bytes();
    file.write_all(&kind.to_le_bytes()).unwrap();
    file.write_all(&length).unwrap();
    file.write_all(body).unwrap();
    file.write_all(&[0; 3][..padding]).unwrap();
    file.write_all(&length).unwrap();
}
