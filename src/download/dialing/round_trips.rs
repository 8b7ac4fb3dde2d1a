//! Measures the round trips to unknown holders, so that the first download asks the nearest one
//! (protocol.md section 7).

use std::time::{Duration, Instant};

use super::admission::Admission;
use super::connecting::Connecting;
use super::dialer::HolderDialer;
use super::trials::Trial;
use crate::download::model::{Source, TransferError};
use crate::protocol::Endpoint;
use crate::system::wait_for_any;

/// The longest round trip that is measured.
const PATIENCE: Duration = Duration::from_millis(250);

struct Measured<'a> {
    source: &'a Source,
    connecting: Connecting,
    trial: Trial,
}

/// Connects to the holders whose round trips are unknown, all at the same time. Skips holders that
/// other downloads are trying, and does nothing for a single holder.
///
/// Returns the holders that cannot be connected to.
pub(in crate::download) fn measure<'a>(
    dialer: &HolderDialer,
    admission: &Admission,
    sources: &'a [Source],
) -> Vec<(&'a Endpoint, TransferError)> {
    let mut failures = Vec::new();
    if sources.len() < 2 {
        return failures;
    }
    let Admission { stats, names, .. } = admission;
    let is_unknown = |source: &&Source| {
        stats.speed(&source.holder).round_trip.is_none()
            && admission.check(source).is_ok()
            // A lookup would take longer than the measurement.
            && !(names.service.is_slow() && names.need_lookup(source))
    };
    let mut running: Vec<Measured<'_>> = Vec::new();
    for source in sources.iter().filter(is_unknown).take(dialer.limits.trials) {
        let Some(trial) = admission.begin_trial(source, false) else { continue };
        match Connecting::begin(dialer, source) {
            Ok(connecting) => running.push(Measured { source, connecting, trial }),
            Err(error) => failures.push((&source.holder, error)),
        }
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        running.retain_mut(|Measured { source, connecting, trial }| {
            match connecting.advance(dialer, source) {
                None => {
                    if !connecting.is_resolving() {
                        trial.resolved();
                    }
                    true
                }
                Some(connected) => {
                    failures.extend(connected.err().map(|error| (&source.holder, error)));
                    false
                }
            }
        });
        let now = Instant::now();
        if running.is_empty() || now >= deadline || dialer.cancel.is_cancelled() {
            break;
        }
        let next = running.iter().filter_map(|measured| measured.connecting.next_at(now)).min();
        let until = next.map_or(deadline, |next| next.min(deadline));
        let sockets: Vec<_> =
            running.iter().flat_map(|measured| measured.connecting.sockets()).collect();
        if wait_for_any(&sockets, until.saturating_duration_since(now)).is_err() {
            break;
        }
    }
    for Measured { source, .. } in running {
        stats.connected(&source.holder, PATIENCE);
    }
    failures
}
