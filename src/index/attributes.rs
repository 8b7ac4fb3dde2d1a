//! The attributes of a record, which the index knows besides its line (protocol.md section 4.11).

use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use crate::protocol::{Attribute, Content, Date};

/// The attributes of a record, which are not part of its line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attributes {
    /// Which bytes its holder says to have.
    pub content: Content,
    /// When it was added first.
    pub added: Date,
    /// The address for which the host of its holder was verified. All records of a holder have the
    /// one of the first.
    pub address: Option<IpAddr>,
}

impl Attributes {
    /// Those that are known.
    pub fn iter(&self) -> impl Iterator<Item = Attribute> {
        let digest = self.content.digest.map(Attribute::Digest);
        let length = self.content.length.map(Attribute::Length);
        let address = self.address.map(Attribute::Address);
        digest.into_iter().chain(length).chain([Attribute::Added(self.added)]).chain(address)
    }
}

/// A date in the form in which ten million of them are kept.
pub(super) fn seconds(date: Date) -> u32 {
    let since = date.time().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

pub(super) fn date(seconds: u32) -> Date {
    Date::clamped(UNIX_EPOCH + Duration::from_secs(seconds.into()))
}
