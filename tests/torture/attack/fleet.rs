//! Many connections that fill an index with records.

use std::io;
use std::net::SocketAddr;

use crate::common::talk::{Talk, add};

/// Records of one connection: half of what it may have.
const EACH: usize = 20_000;
/// Different numbers, as many as there are RFCs.
const NUMBERS: u32 = 9148;

/// Adds this number of records, and keeps the connections that own them.
pub(crate) fn fill(address: SocketAddr, count: usize) -> io::Result<Vec<Talk>> {
    let mut fleet = Vec::new();
    let mut left = count;
    while left > 0 {
        let here = left.min(EACH);
        let number = u16::try_from(fleet.len()).unwrap_or(0);
        let mut talk = Talk::from(256 + number, address)?;
        add_all(&mut talk, here, fleet.len())?;
        fleet.push(talk);
        left -= here;
    }
    Ok(fleet)
}

fn add_all(talk: &mut Talk, count: usize, owner: usize) -> io::Result<()> {
    let title = "A Title of the Usual Length for a Request for Comments";
    let mut requests = String::new();
    for at in 0..count {
        let number = (owner * EACH + at) as u32 % NUMBERS + 1;
        let port = 1024 + (owner * 7 + at / NUMBERS as usize) as u16 % 60_000;
        requests.push_str(&add(number, &format!("peer-{owner}"), port, title));
    }
    talk.pipeline(requests.as_bytes(), count)
}
