//! How long a response is awaited (protocol.md section 7).

use std::time::Duration;

use crate::limits::{self, bytes_in};

/// How long a response is awaited.
#[derive(Clone, Copy, Debug)]
pub(in crate::download) struct Patience {
    pub(super) time: Duration,
    /// The bytes of the document that must arrive in each period of this time.
    pub(super) bytes: u64,
    /// Such a period.
    pub(super) period: Duration,
    pub(super) is_short: bool,
    /// Whether a quarter of a shorter document is enough in a period.
    pub(super) of_quarters: bool,
}

impl Patience {
    /// For an unproven holder while others can be asked: the beginning of the document must arrive at
    /// this rate.
    pub(in crate::download) fn short(limits: &limits::Downloads, bytes_per_second: u64) -> Self {
        let time = limits.first_byte_unproven;
        let bytes = bytes_in(bytes_per_second, time);
        Self { time, bytes, period: time, is_short: true, of_quarters: false }
    }

    /// The same after several holders of a version did not deliver in time, one after the other.
    pub(in crate::download) fn after_others(limits: &limits::Downloads, stops: u32) -> Self {
        let time = limits.halved_for_segment(limits.first_byte_unproven, stops);
        let bytes = bytes_in(limits.beginning_rate, time);
        Self { time, bytes, period: time, ..Self::short(limits, limits.beginning_rate) }
    }

    /// The same after another holder did not complete the document: a quarter of the beginning must
    /// arrive in each half of the time.
    pub(in crate::download) fn of_quarters(limits: &limits::Downloads, beginning: u64) -> Self {
        let time = limits.first_byte_unproven;
        Self { time, bytes: beginning / 4, period: time / 2, is_short: true, of_quarters: true }
    }

    /// For a holder that has not understood another form of the request.
    pub(in crate::download) fn of_form(limits: &limits::Downloads) -> Self {
        let time = limits.first_byte_of_form;
        Self { time, period: time, ..Self::full(limits) }
    }

    pub(in crate::download) fn full(limits: &limits::Downloads) -> Self {
        let time = limits.first_byte;
        let bytes = bytes_in(limits.min_rate, time);
        Self { time, bytes, period: time, is_short: false, of_quarters: false }
    }
}
