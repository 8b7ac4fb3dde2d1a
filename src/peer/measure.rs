//! How far holders are of whom nothing is known: so that the first download asks the nearest.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use super::fetch::{Fetcher, Source};
use super::neighbours::Readiness;
use super::question::connect;
use super::transfer_error::TransferError;
use crate::protocol::Endpoint;

/// Holders that are measured at once.
const AT_ONCE: usize = 8;

/// Who takes longer counts as being as far as this.
const PATIENCE: Duration = Duration::from_millis(250);

/// Connects to holders whose round trip is not known, all at the same time. One alone is asked
/// anyway.
///
/// Returns those to whom there is no connection.
pub(super) fn measure(fetcher: &Fetcher, sources: &[Source]) -> Vec<(Endpoint, TransferError)> {
    let mut failures = Vec::new();
    if sources.len() < 2 {
        return failures;
    }
    // Of many downloads that begin at once, the first measures for all.
    let _turn = fetcher.turn_to_measure();
    let neighbours = fetcher.neighbours();
    let is_unknown = |holder: &&Endpoint| {
        neighbours.pace(holder).round_trip.is_none()
            && neighbours.readiness(holder) == Readiness::Ready
    };
    let holders = sources.iter().map(|source| &source.holder).filter(is_unknown);
    let mut unknown: Vec<Endpoint> = holders.take(AT_ONCE).cloned().collect();
    let deadline = Instant::now() + PATIENCE;
    let (sender, measured) = channel();
    for holder in unknown.clone() {
        let (fetcher, sender) = (fetcher.clone(), sender.clone());
        let work = move || {
            let connection = connect(&fetcher, &holder);
            // Perhaps it took too long.
            let _ = sender.send((holder, connection.err()));
        };
        if let Err(error) = thread::Builder::new().name("measure".into()).spawn(work) {
            log::debug!("round trips are not measured, no thread to be had: {error}");
        }
    }
    drop(sender);
    while let Ok((holder, error)) =
        measured.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        unknown.retain(|other| *other != holder);
        failures.extend(error.map(|error| (holder, error)));
    }
    for holder in unknown {
        neighbours.connected(&holder, PATIENCE);
    }
    failures
}
