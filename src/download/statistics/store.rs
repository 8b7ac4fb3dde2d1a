//! The file in which statistics of other peers are stored (protocol.md section 7).

use std::iter;
use std::path::Path;
use std::time::Duration;

use crate::library::StoreFile;
use crate::limits;
use crate::protocol::Endpoint;

/// The first line of the store, which identifies the format.
const FIRST_LINE: &str = "p2p-ci holders 1";

/// The last word of a line of the store: whether the peer has delivered a document.
const PROVEN: &str = "proven";
const UNPROVEN: &str = "unproven";

/// The most bytes in a line: a host, a port, two numbers and a word.
const LINE: usize = 512;

/// The stored statistics of a peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) round_trip: Duration,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) is_proven: bool,
}

/// The store with this path.
pub(super) fn file(path: &Path) -> StoreFile {
    StoreFile::new(path, (limits::PEERS_KNOWN * LINE) as u64)
}

/// The lines of the store.
pub(super) fn lines(
    peers: impl Iterator<Item = (Endpoint, Stored)>,
) -> impl Iterator<Item = String> {
    let line = |(endpoint, stored): (Endpoint, Stored)| {
        let round_trip = stored.round_trip.as_micros();
        let rate = stored.bytes_per_second.unwrap_or(0);
        let proven = if stored.is_proven { PROVEN } else { UNPROVEN };
        format!("{endpoint} {round_trip} {rate} {proven}\n")
    };
    iter::once(format!("{FIRST_LINE}\n")).chain(peers.map(line).take(limits::PEERS_KNOWN))
}

/// Parses the contents of a store. Lines that cannot be read are skipped.
pub(super) fn parse(text: &str) -> impl Iterator<Item = (Endpoint, Stored)> {
    let mut lines = text.lines();
    let is_ours = lines.next() == Some(FIRST_LINE);
    lines.filter(move |_| is_ours).filter_map(parse_line).take(limits::PEERS_KNOWN)
}

fn parse_line(line: &str) -> Option<(Endpoint, Stored)> {
    let mut words = line.split(' ');
    let endpoint = words.next()?.parse().ok()?;
    let round_trip = Duration::from_micros(words.next()?.parse().ok()?);
    let rate: u64 = words.next()?.parse().ok()?;
    // Earlier versions did not store whether a peer was proven.
    let is_proven = words.next().map_or(rate > 0, |word| word == PROVEN);
    let bytes_per_second = (rate > 0).then_some(rate);
    Some((endpoint, Stored { round_trip, bytes_per_second, is_proven }))
}
