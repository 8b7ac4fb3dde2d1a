//! Whether a peer that failed is left alone, and for how long (protocol.md section 7).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::limits;

/// Whether a peer may be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Readiness {
    Ready,
    /// It failed a moment ago.
    BackedOff(Duration),
    /// It failed so often, or has never answered, that nobody waits for it.
    GivenUp,
}

/// The pause after so many failures before: it doubles from three seconds to a minute, and is up to
/// a quarter longer, so that those who lost the same peer do not come back together.
pub(super) fn backoff_delay(failures: u32) -> Duration {
    let pause = limits::ASK_AGAIN.saturating_mul(2u32.saturating_pow(failures));
    let random = RandomState::new().build_hasher().finish() % 256;
    let pause = pause.min(limits::ASK_AGAIN_MAX);
    pause + pause * u32::try_from(random).unwrap_or(0) / 1024
}
