//! The connections in a pcapng file.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::reassembly::{Direction, Piece};
use super::{Event, Side, What};
use crate::capture::{Captured, Flags, Packet};

/// Connections that are open at the same time.
const MOST: usize = 100_000;
/// The port of index servers.
const INDEX_PORT: u16 = 7734;

/// The connections that are open.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// By the addresses of the client and the server.
    open: HashMap<(SocketAddr, SocketAddr), Stream>,
    begun: Option<Duration>,
    last: Duration,
    number: u64,
}

#[derive(Debug)]
struct Stream {
    number: u64,
    client: Direction,
    server: Direction,
}

impl Streams {
    /// The events of a packet.
    pub(super) fn events(&mut self, captured: &Captured) -> Vec<Event> {
        let Some(packet) = Packet::parse(captured.link, &captured.bytes) else {
            return Vec::new();
        };
        let begun = *self.begun.get_or_insert(captured.time);
        self.last = captured.time.saturating_sub(begun);
        let mut found = Vec::new();
        let is_new = packet.flags.has(Flags::SYN) && !packet.flags.has(Flags::ACK);
        let sides =
            [(packet.from, packet.to, Side::Client), (packet.to, packet.from, Side::Server)];
        let known = sides.into_iter().find(|(a, b, _)| self.open.contains_key(&(*a, *b)));
        let (client, server, side) = match known {
            Some(known) if !is_new => known,
            _ => {
                let is_of_server = packet.flags.has(Flags::SYN) && !is_new
                    || packet.from.port() == INDEX_PORT
                    || packet.data.starts_with(b"P2P");
                let [to_server, to_client] = sides;
                if packet.length == 0 && !packet.flags.has(Flags::SYN) || self.open.len() >= MOST {
                    // The rest of a connection that has ended.
                    return Vec::new();
                }
                let one = if !is_new && is_of_server { to_client } else { to_server };
                self.number += 1;
                let (client, server) = (Direction::default(), Direction::default());
                let stream = Stream { number: self.number, client, server };
                self.open.insert((one.0, one.1), stream);
                let (client, server) = (one.0.to_string(), one.1.to_string());
                found.push(self.event(self.number, What::Connect { client, server }));
                one
            }
        };
        let Some(stream) = self.open.get_mut(&(client, server)) else { return found };
        let direction = match side {
            Side::Client => &mut stream.client,
            Side::Server => &mut stream.server,
        };
        let (pieces, number) = (direction.push(&packet), stream.number);
        let is_reset = packet.flags.has(Flags::RST);
        let is_over = is_reset || (stream.client.has_ended() && stream.server.has_ended());
        found.extend(pieces.into_iter().map(|piece| self.event(number, of_piece(side, piece))));
        if is_reset {
            found.push(self.event(number, What::Reset(side)));
        }
        if is_over {
            self.open.remove(&(client, server));
        }
        found
    }

    /// The events at the end of the capture.
    pub(super) fn finish(mut self) -> Vec<Event> {
        let mut open: Vec<Stream> = self.open.drain().map(|(_, stream)| stream).collect();
        open.sort_by_key(|stream| stream.number);
        let mut found = Vec::new();
        for mut stream in open {
            for (side, direction) in
                [(Side::Client, &mut stream.client), (Side::Server, &mut stream.server)]
            {
                let pieces = direction.finish().into_iter();
                found.extend(pieces.map(|piece| self.event(stream.number, of_piece(side, piece))));
            }
        }
        found
    }

    fn event(&self, number: u64, what: What) -> Event {
        Event { stream: number.to_string(), time: Some(self.last), what }
    }
}

fn of_piece(side: Side, piece: Piece) -> What {
    match piece {
        Piece::Bytes(bytes) => What::Bytes(side, bytes),
        Piece::Missing(count) => What::Missing(side, count),
        Piece::End => What::End(side),
    }
}
