//! Settings of uploads (protocol.md sections 5, 7 and 8.8).

use std::num::NonZeroUsize;

use crate::net::Bandwidth;
use crate::upload::slots::Slots;

/// Settings of an upload server.
#[derive(Clone, Debug, Default)]
pub struct Uploads {
    /// The limit of all uploads together, in bytes per second.
    pub bandwidth: Bandwidth,
    /// The slots for concurrent uploads of large documents.
    pub slots: Slots,
    /// The largest number of concurrent connections from one network; loopback is exempt. `None`: 8.
    pub per_address: Option<NonZeroUsize>,
    /// Whether each refusal says what was expected and what was found.
    pub explain: bool,
    /// Whether a document is moved out of the library after another peer has downloaded all of it.
    pub hand_over: bool,
}
