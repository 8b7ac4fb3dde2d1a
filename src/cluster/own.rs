//! Applying changes of own connections.

use super::change::{Change, decode};
use super::queue::{Operation, Submission};
use super::shared::Shared;
use crate::index::{Addition, Index, Owner, Renewal};

/// Records that are added while the index is locked once.
pub(super) const TOGETHER: usize = 8;

/// Applies changes that were read back, or that are not written because there is no store.
pub(super) fn apply(shared: &Shared, index: &Index, submission: Submission) {
    let Submission { owner, mut operation, encoded, submitted, done } = submission;
    match &mut operation {
        Operation::Add(additions) => {
            add_all(index, owner, additions);
            if additions.iter().any(|addition| addition.outcome().is_err()) {
                correct(shared, owner, additions, &encoded.lines);
            }
        }
        Operation::Remove(document, holder, removed) => {
            *removed = index.remove(owner, document, holder);
        }
        Operation::RemoveOwner(count) => *count = index.remove_owner(owner),
        Operation::Renew(records) => {
            for (record, _) in records.drain(..) {
                // It may have been removed since.
                if let Some((record, attributes)) =
                    index.record_of(owner, &record.document, &record.holder)
                {
                    // There is room, because it replaces itself.
                    let _ = index.renew(Renewal { from: owner, to: owner }, record, attributes);
                }
            }
        }
        Operation::Correct(..) => {}
    }
    shared.status.add_wait(submitted.elapsed());
    if let Some(done) = done {
        // A session that has panicked does not wait.
        let _ = done.send(operation);
    }
}

/// Adds records in steps, so that no step locks the index for long.
pub(super) fn add_all(index: &Index, owner: Owner, additions: &mut [Addition]) {
    let mut steps = additions.chunks_mut(TOGETHER).peekable();
    while let Some(step) = steps.next() {
        index.add_all(owner, step);
        if steps.peek().is_some() {
            index.yield_lock();
        }
    }
}

/// The others must not have records that were refused here.
#[cold]
fn correct(shared: &Shared, owner: Owner, additions: &[Addition], lines: &str) {
    for (change, addition) in decode(lines).0.into_iter().zip(additions) {
        if let Change::Add { record, .. } = change
            && addition.outcome().is_err()
        {
            let operation = Operation::Correct(record.document, record.holder);
            let submission = Submission::internal(owner, operation, Default::default());
            // If the publisher has ended, so has the lease.
            let _ = shared.queue.submit(submission);
        }
    }
}
