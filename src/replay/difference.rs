//! What differs between two replies.

use std::collections::BTreeSet;

/// A difference, with the section of protocol.md that defines what differs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Difference {
    /// What differs.
    pub(crate) part: &'static str,
    pub(crate) section: &'static str,
    /// The recorded value. It may have text of other programs, which must be escaped.
    pub(crate) expected: String,
    /// The received value, likewise.
    pub(crate) received: String,
}

/// What may differ between two servers that both follow the protocol.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Ignored {
    Date,
    Os,
    LastModified,
    Reason,
    Hosts,
    Ports,
    Order,
    Attributes,
}

impl Ignored {
    /// The values that differ, for people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Date => "Date",
            Self::Os => "OS",
            Self::LastModified => "Last-Modified",
            Self::Reason => "Reason",
            Self::Hosts => "hosts of records",
            Self::Ports => "ports of records that no replayed request names",
            Self::Order => "the order of records",
            Self::Attributes => "Added and Address of records",
        }
    }
}

/// The differences that were ignored so far.
pub(crate) type AllIgnored = BTreeSet<Ignored>;
