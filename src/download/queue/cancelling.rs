//! Downloads that are cancelled one by one, while the others continue ([`DownloadJob::cancel`]).
//!
//! [`DownloadJob::cancel`]: super::events::DownloadJob::cancel

use std::collections::BTreeMap;
use std::mem;
use std::time::Instant;

use super::running::Running;
use super::task::Task;

/// Ends the cancelled downloads: those that are running, and those that wait for their next attempt, which run
/// again immediately, and end then. Returns whether there are any. Downloads that were not begun end when a worker
/// begins them.
pub(super) fn end_cancelled(
    running: &[Option<Running>],
    later: &mut BTreeMap<(Instant, u64), Task>,
    now: Instant,
) -> bool {
    for one in running.iter().flatten().filter(|one| one.is_cancelled_alone()) {
        one.cancel.cancel();
    }
    if !later.values().any(|task| task.job.cancel.is_cancelled()) {
        return false;
    }
    let due = |(key, task): ((Instant, u64), Task)| match task.job.cancel.is_cancelled() {
        true => ((now.min(key.0), key.1), task),
        false => (key, task),
    };
    *later = mem::take(later).into_iter().map(due).collect();
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::download::model::DownloadRequest;
    use crate::download::queue::events::DownloadJob;
    use crate::library::SaveTarget;
    use crate::net::Cancel;
    use crate::protocol::Document;

    #[test]
    fn only_the_cancelled_downloads_end() {
        let cancels = [(); 2].map(|()| Cancel::new());
        let directory = tempfile::tempdir().unwrap();
        let task = |number: usize| {
            let document = Document::Rfc((number + 1).to_string().parse().unwrap());
            let target = SaveTarget::file(&directory.path().join(number.to_string()));
            let request = DownloadRequest { document, sources: Vec::new(), digest: None };
            let cancel = cancels[number].clone();
            let job = DownloadJob { request, target, overwrite: false, found_free: None, cancel };
            Task::new(job, true, &Arc::default())
        };
        let attempts = [(); 2].map(|()| Cancel::new());
        let running = |number: usize| {
            let (attempt, alone) = (attempts[number].clone(), cancels[number].clone());
            Some(Running::new(attempt, alone, Duration::ZERO, Arc::default()))
        };
        let (now, running) = (Instant::now(), [running(0), running(1), None]);
        let later = now + Duration::from_secs(600);
        let mut waiting = BTreeMap::from([((later, 1), task(0)), ((later, 2), task(1))]);
        assert!(!end_cancelled(&running, &mut waiting, now));
        cancels[1].cancel();
        assert!(end_cancelled(&running, &mut waiting, now));
        let due: Vec<(Instant, u64)> = waiting.keys().copied().collect();
        assert_eq!(due, [(now, 2), (later, 1)]);
        assert_eq!([0, 1].map(|at: usize| attempts[at].is_cancelled()), [false, true]);
    }
}
