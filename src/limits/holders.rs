//! Limits on holders that have not delivered anything, or that stop.

use std::time::Duration;

/// Concurrent lookups of names of holders that have not delivered anything yet. They count among the
/// [`TRIALS`](super::TRIALS), and leave room for holders whose addresses are known.
pub const NAME_TRIALS: usize = 4;
/// Time after which a lookup of a name counts as slow.
pub const LOOKUP_SLOW: Duration = Duration::from_secs(1);
/// Slow lookups without an address, since the last one that found an address, after which no holder's
/// name is looked up for [`LOOKUP_PAUSE`].
pub const LOOKUPS_UNANSWERED: u32 = 32;
/// Time for which a slow lookup is remembered.
pub const LOOKUP_PAUSE: Duration = Duration::from_secs(60);
/// Time in which [`BEGINNING_RATE`](super::BEGINNING_RATE) must be reached while other holders are left to ask: a document
/// that has begun and then stops is resumed from another one.
pub const STOPPED_AFTER: Duration = Duration::from_secs(2);
/// Whole documents that a holder must deliver to be proven again, after it began one and stopped.
pub const PROVEN_AGAIN: u32 = 8;
/// Time after which a document of which nothing has come, from several holders that have not delivered
/// anything yet, yields its worker to documents that were never tried.
pub const FRUITLESS_AFTER: Duration = Duration::from_secs(3);
