//! Indexes of any size, filled over as few connections as the limit of records allows.

use std::io;
use std::net::SocketAddr;

use crate::common::talk::{Talk, add};

/// Records of one connection at most.
const MOST: usize = 40_000;
/// As many numbers as there are RFCs.
pub(crate) const SERIES: usize = 9148;
/// The first of the numbers that all have seven digits.
const FIRST: usize = 1_000_001;

/// Peers that stay as long as this lives.
pub(crate) struct Peers(Vec<Talk>);

impl Peers {
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Fills an index with peers that have all RFCs each; the last one may have fewer.
pub(crate) fn with_series(address: SocketAddr, records: usize) -> io::Result<Peers> {
    let peers = records.div_ceil(SERIES);
    let fill = |peer: usize| {
        let count = (records - peer * SERIES).min(SERIES);
        let requests = (1..=count).map(|number| {
            add(number as u32, &format!("peer-{peer:05}.example.edu"), 5678, &title(number))
        });
        join(address, peer, &requests.collect::<String>(), count)
    };
    (0..peers).map(fill).collect::<io::Result<_>>().map(Peers)
}

/// Fills an index so that each number has this number of holders; returns the count of the numbers.
pub(crate) fn with_holders(
    address: SocketAddr,
    records: usize,
    holders: usize,
) -> io::Result<(Peers, usize)> {
    let numbers = records / holders;
    let mut peers = Vec::new();
    for first in (0..numbers).step_by(MOST) {
        let count = (numbers - first).min(MOST);
        for holder in 0..holders {
            let requests = (0..count).map(|at| {
                let host = format!("peer-{holder:05}.example.edu");
                add(number(first + at), &host, 5678, "A Title of the Usual Length for an RFC")
            });
            let requests = requests.collect::<String>();
            peers.push(join(address, peers.len(), &requests, count)?);
        }
    }
    Ok((Peers(peers), numbers))
}

/// Fills an index with records that `request` makes, from the number of the peer and that of the
/// record.
pub(crate) fn with(
    address: SocketAddr,
    records: usize,
    mut request: impl FnMut(usize, usize) -> String,
) -> io::Result<Peers> {
    let mut peers = Vec::new();
    for first in (0..records).step_by(MOST) {
        let count = (records - first).min(MOST);
        let requests: String = (0..count).map(|at| request(peers.len(), first + at)).collect();
        peers.push(join(address, peers.len(), &requests, count)?);
    }
    Ok(Peers(peers))
}

/// One of the numbers of [`with_holders`].
pub(crate) fn number(at: usize) -> u32 {
    (FIRST + at) as u32
}

fn join(address: SocketAddr, peer: usize, requests: &str, count: usize) -> io::Result<Talk> {
    let mut talk = Talk::from(256 + peer as u16, address)?;
    talk.pipeline(requests.as_bytes(), count)?;
    Ok(talk)
}

/// A title of 24 to 95 bytes, which is what those of RFCs mostly have.
pub(crate) fn title(number: usize) -> String {
    let title = format!(
        "The Document {number:>4} of a Series, and What It Says of the Protocols \
        That Were There Before It Came"
    );
    title[..24 + number * 31 % 72].trim_end().into()
}
