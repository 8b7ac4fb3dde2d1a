//! The exponential backoff of failed peers and downloads (protocol.md section 7).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::limits;

/// Whether a peer may be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Readiness {
    Ready,
    /// It failed, and may be asked again after this time.
    BackedOff(Duration),
    /// It failed too often, or has never answered: no download waits for it.
    GivenUp,
}

/// The pause after a failure that follows this number of failures. It doubles from
/// `retry` to `retry_max`. A random part of up to a quarter is added, so that clients that lost the same peer do not return at the same time.
pub(super) fn backoff_delay(limits: &limits::Downloads, failures: u32) -> Duration {
    let pause = limits.retry.saturating_mul(2u32.saturating_pow(failures));
    let random = RandomState::new().build_hasher().finish() % 256;
    let pause = pause.min(limits.retry_max);
    pause.saturating_add(pause / 1024 * u32::try_from(random).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_at_most_a_quarter_longer_than_the_limits_say() {
        for (retry, retry_max) in [(3, 60), (60, 3), (0, 0)] {
            let (retry, retry_max) = (Duration::from_secs(retry), Duration::from_secs(retry_max));
            let limits = limits::Downloads { retry, retry_max, ..limits::Downloads::DEFAULT };
            let pause = backoff_delay(&limits, u32::MAX);
            let most = if retry.is_zero() { retry } else { retry_max };
            assert!(pause >= most && pause <= most * 5 / 4, "{pause:?}");
        }
        let retry = Duration::MAX;
        let limits = limits::Downloads { retry, retry_max: retry, ..limits::Downloads::DEFAULT };
        assert_eq!(backoff_delay(&limits, 1), Duration::MAX);
    }
}
