//! What an index that has shown no extension was told of a document (protocol.md section 8.5).

use crate::protocol::Refusal;

/// What has come of the only ADD of a document on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Told {
    Registered,
    Refused,
}

impl Told {
    pub(super) fn of(refused: Option<Refusal>) -> Self {
        if refused.is_none() { Self::Registered } else { Self::Refused }
    }
}
