//! How a peer uploads.

use std::num::NonZeroUsize;

use crate::peer::bandwidth::Bandwidth;
use crate::peer::slots::Slots;

/// How a peer uploads.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    /// The limit of bytes a second.
    pub bandwidth: Bandwidth,
    /// Large documents at once.
    pub slots: Slots,
    /// Connections from one network; nothing means 8.
    pub per_address: Option<NonZeroUsize>,
    /// Whether each refusal says what was expected and what was found.
    pub explain: bool,
    /// Whether a document leaves the library when somebody else has read all of it.
    pub hand_over: bool,
}
