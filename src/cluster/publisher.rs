//! The thread that writes changes to the store, and keeps the lease.
//!
//! It is the only thread that decides whether a change is written or, without a store, applied
//! here only. So all changes of a connection happen in their order.

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::keys::Epoch;
use super::link::Link;
use super::own::apply;
use super::queue::Submission;
use super::shared::Shared;
use super::status::{Side, count};
use crate::index::Index;
use crate::limits;

/// The largest number of earlier epochs that a lease names.
const EARLIER: usize = 8;
/// Time between two looks at an attempt to join.
const JOINING: Duration = Duration::from_millis(5);

/// An attempt to take the lease, which may take until its timeout. Changes are applied meanwhile.
type Joining<'scope> = ScopedJoinHandle<'scope, Result<Link, StoreError>>;

/// Writes changes until the cluster ends.
pub(super) fn run(shared: &Shared, index: &Index) {
    let mut earlier: Vec<Epoch> = Vec::new();
    // Changes wait for the first attempt, which has a timeout. What is applied here only would be published
    // later, and then stand behind changes that were made after it.
    let mut link = joined(shared, index, &mut earlier, Link::join(shared, &[]));
    let mut retry = Instant::now() + limits::STORE_RETRY;
    thread::scope(|scope| {
        let mut joining: Option<Joining<'_>> = None;
        loop {
            let until = match (&link, &joining) {
                (Some(link), _) if link.is_republishing() => Instant::now(),
                (Some(link), _) => link.due(),
                (None, Some(_)) => Instant::now() + JOINING,
                (None, None) => retry,
            };
            let work = shared.queue.take(until);
            let is_last = work.is_empty() && shared.queue.is_ending();
            match link.take() {
                Some(current) if is_last => {
                    shared.queue.wait_until_applied(limits::STORE_ECHO);
                    current.leave();
                    break;
                }
                Some(mut current) => match write(shared, index, &mut current, work) {
                    Ok(()) => {
                        if !current.is_republishing() {
                            earlier.retain(|epoch| epoch == current.epoch());
                        }
                        link = Some(current);
                    }
                    Err(error) => {
                        shared.set_epoch(None);
                        shared.failed(Side::Publisher, &error);
                        apply_here(shared, index, shared.queue.take_in_flight());
                        retry = Instant::now();
                    }
                },
                None if is_last => break,
                None => {
                    apply_here(shared, index, work);
                    if joining.as_ref().is_some_and(Joining::is_finished) {
                        if let Some(Ok(outcome)) = joining.take().map(Joining::join) {
                            link = joined(shared, index, &mut earlier, outcome);
                        }
                        retry = Instant::now() + limits::STORE_RETRY;
                    } else if joining.is_none() && Instant::now() >= retry {
                        let earlier = earlier.clone();
                        let join = move || Link::join(shared, &earlier);
                        let thread = thread::Builder::new().name("cluster-join".into());
                        joining = thread.spawn_scoped(scope, join).ok();
                        retry = Instant::now() + limits::STORE_RETRY;
                    }
                }
            }
        }
    });
    shared.set_epoch(None);
    apply_here(shared, index, shared.queue.close());
}

/// Begins the new epoch of a server that has taken its lease, or notes why it has not.
fn joined(
    shared: &Shared,
    index: &Index,
    earlier: &mut Vec<Epoch>,
    outcome: Result<Link, StoreError>,
) -> Option<Link> {
    match outcome {
        Ok(mut new) => {
            shared.works(Side::Publisher);
            shared.set_epoch(Some(new.epoch().clone()));
            earlier.push(new.epoch().clone());
            let old = earlier.len().saturating_sub(EARLIER);
            earlier.drain(..old);
            new.begin(index);
            Some(new)
        }
        Err(error) => {
            shared.failed(Side::Publisher, &error);
            None
        }
    }
}

/// Writes what is to be written now.
fn write(
    shared: &Shared,
    index: &Index,
    link: &mut Link,
    work: Vec<Submission>,
) -> Result<(), StoreError> {
    let has_work = !work.is_empty();
    if has_work || Instant::now() >= link.due() {
        link.publish(shared, index, work)?;
    }
    if link.is_republishing() {
        if !shared.queue.wait_until_applied(limits::STORE_ECHO) {
            return Err(StoreError::Unavailable("changes are not read back".into()));
        }
        link.republish(shared, index)?;
    }
    match shared.queue.oldest() {
        Some(sent) if sent.elapsed() > limits::STORE_ECHO => {
            Err(StoreError::Unavailable("changes are not read back".into()))
        }
        _ => Ok(()),
    }
}

/// Applies changes here only. They are published when the store can be used.
fn apply_here(shared: &Shared, index: &Index, submissions: Vec<Submission>) {
    for submission in submissions {
        count(&shared.status.local, submission.encoded.changes);
        apply(shared, index, submission);
    }
}
