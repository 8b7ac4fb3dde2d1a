//! The attributes of a record, which are not part of its line (protocol.md section 4.11).

use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use crate::protocol::{Attribute, Content, Date};

/// The attributes of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attributes {
    /// The digest and the length that the holder announces.
    pub content: Content,
    /// The time at which the record was first added.
    pub added: Date,
    /// The address for which the host of the holder was verified. All records of a holder have the
    /// address of its first record.
    pub address: Option<IpAddr>,
}

impl Attributes {
    /// The known attributes, in the order of a reply.
    pub fn iter(&self) -> impl Iterator<Item = Attribute> {
        let digest = self.content.digest.map(Attribute::Digest);
        let length = self.content.length.map(Attribute::Length);
        let address = self.address.map(Attribute::Address);
        digest.into_iter().chain(length).chain([Attribute::Added(self.added)]).chain(address)
    }
}

/// A date as the index stores it: four bytes.
pub(super) fn seconds(date: Date) -> u32 {
    let since = date.time().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

pub(super) fn date(seconds: u32) -> Date {
    Date::clamped(UNIX_EPOCH + Duration::from_secs(seconds.into()))
}
