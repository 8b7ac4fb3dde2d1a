//! The metrics of requests that an index server and an upload server have.

use std::fmt;

use super::exposition::Exposition;
use crate::counters::{Cause, RequestTotals, STATUSES};

/// The texts of [`STATUSES`].
const STATUS_NAMES: [&str; STATUSES.len()] = ["200", "206", "400", "404", "416", "503", "505"];

/// Writes requests by method and status, and their latency. A status that has not occurred is written
/// only if the program may reply with it.
pub(super) fn expose_requests<const METHODS: usize>(
    to: &mut Exposition<'_>,
    methods: [&'static str; METHODS],
    possible: &[u16],
    totals: &RequestTotals<METHODS>,
) -> fmt::Result {
    let of_method = methods.into_iter().zip(totals.counts);
    let requests = of_method.flat_map(|(method, counts)| {
        let of_status = STATUSES.iter().zip(STATUS_NAMES).zip(counts);
        let shown = of_status.filter(|((code, _), count)| *count > 0 || possible.contains(code));
        shown.map(move |((_, status), count)| ([("method", method), ("status", status)], count))
    });
    to.counters("p2p_ci_requests", "Requests that were answered", requests)?;
    let latencies = methods.into_iter().zip(totals.latency);
    let latencies = latencies.map(|(method, latency)| ([("method", method)], latency));
    let help = "Time from the arrival of a request until its reply is ready, in seconds";
    to.latencies("p2p_ci_request_duration_seconds", help, latencies)
}

/// Writes refusals by these causes.
pub(super) fn expose_refusals(
    to: &mut Exposition<'_>,
    causes: &[Cause],
    refused: impl Fn(Cause) -> u64,
) -> fmt::Result {
    let refusals = causes.iter().map(|cause| ([("cause", cause.name())], refused(*cause)));
    to.counters("p2p_ci_refusals", "Connections and requests that were refused", refusals)
}
