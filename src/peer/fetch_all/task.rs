//! One of many downloads between its attempts: what counts as progress, and when it is tried again.

use std::time::{Duration, Instant};

use super::events::Order;
use crate::limits;
use crate::peer::fetch_error::FetchError;
use crate::peer::fetched::Fetched;
use crate::peer::neighbours::pause_after;
use crate::protocol::{Endpoint, Host};

/// A download that waits, or is running.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) order: Order,
    /// Whether no part of it is here, so that all of it can be requested ahead.
    pub(super) is_new: bool,
    /// When it may be tried.
    pub(super) due: Instant,
    /// Whether it was told that another process is downloading the document, and since when.
    pub(super) in_use_since: Option<Instant>,
    /// For how long it has been running.
    pub(super) spent: Duration,
    /// The length that a holder announced first: that it grows later is no progress.
    announced: Option<u64>,
    /// Attempts in a row that made no progress.
    tries: u32,
    /// Bytes that can be resumed.
    kept: u64,
}

/// What happens with a task after an attempt.
#[derive(Debug)]
pub(super) enum Next {
    /// It is tried again after this pause.
    Again(FetchError, Duration),
    /// It was slow or has used up its time: it runs again after the others.
    Behind,
    /// Another process has completed the document.
    Present,
    /// The document is complete.
    Done(Fetched),
    /// It is given up.
    Never(FetchError),
}

impl Task {
    pub(super) fn new(order: Order, is_new: bool) -> Self {
        Self {
            order,
            is_new,
            due: Instant::now(),
            in_use_since: None,
            spent: Duration::ZERO,
            announced: None,
            tries: 0,
            kept: 0,
        }
    }

    /// Whether both can be requested of one holder ahead.
    pub(super) fn goes_with(&self, first: &Self) -> bool {
        self.is_new && first.is_new && self.first_holder() == first.first_holder()
    }

    fn first_holder(&self) -> Option<&Endpoint> {
        self.order.wanted.sources.first().map(|source| &source.holder)
    }

    /// The host that is asked first.
    pub(super) fn host(&self) -> Option<&Host> {
        self.first_holder().map(|holder| &holder.host)
    }

    /// Notes the length that a holder announces.
    pub(super) fn announce(&mut self, length: u64) {
        self.announced.get_or_insert(length);
    }

    /// Decides after a failed attempt of this duration that left so many bytes to resume.
    pub(super) fn after_failure(
        &mut self,
        error: FetchError,
        took: Duration,
        kept: Option<u64>,
    ) -> Next {
        if error.is_in_use() {
            let since = *self.in_use_since.get_or_insert_with(Instant::now);
            return match since.elapsed() < limits::IN_USE {
                true => Next::Again(error, limits::IN_USE_PAUSE),
                false => Next::Never(error),
            };
        }
        let most = self.announced.unwrap_or(u64::MAX);
        let now = kept.unwrap_or(0).min(most);
        let gained = now.saturating_sub(self.kept);
        self.kept = now;
        if let Some(rest) = error.rest() {
            return Next::Again(error, rest);
        }
        let has_progressed = gained >= self.least_progress(took) && !error.is_too_slow();
        self.tries = if has_progressed { 0 } else { self.tries.saturating_add(1) };
        if error.is_transient() && self.tries < limits::TRIES {
            let pause = pause_after(self.tries);
            return Next::Again(error, pause);
        }
        Next::Never(error)
    }

    /// Decides after the attempt was ended so that others can run.
    pub(super) fn after_yield(&mut self, kept: Option<u64>) -> Next {
        self.kept = kept.unwrap_or(0).min(self.announced.unwrap_or(u64::MAX));
        Next::Behind
    }

    /// Bytes that an attempt must have brought to be progress: the minimum rate, and so much that
    /// the number of attempts is bounded.
    fn least_progress(&self, took: Duration) -> u64 {
        let at_rate =
            limits::RATE_BYTES.saturating_mul(took.as_secs()) / limits::RATE_TIME.as_secs().max(1);
        let share = self.announced.map_or(limits::RATE_BYTES, |length| length / 8);
        at_rate.max(limits::RATE_BYTES.min(share)).max(1)
    }

    /// Whether it was reported already that another process is downloading the document.
    pub(super) fn is_waiting_for_another(&self) -> bool {
        self.in_use_since.is_some_and(|since| since.elapsed() > limits::IN_USE_PAUSE / 2)
    }

    /// Whether what is here of it may be resumed by a later download, although it is given up: when
    /// the user trusts its digest. Other part files are deleted.
    pub(super) fn is_confirmed(&self) -> bool {
        self.order.wanted.digest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;
    use crate::library::SaveTarget;
    use crate::peer::source::Wanted;
    use crate::peer::transfer_error::TransferError;
    use crate::protocol::Document;

    fn new_task() -> Task {
        let document = Document::Rfc("1".parse().unwrap());
        let wanted = Wanted { document, sources: Vec::new(), digest: None };
        let target = SaveTarget::file(Path::new("rfc1.txt"));
        Task::new(Order { wanted, target, overwrite: false }, true)
    }

    fn lost() -> FetchError {
        let failures = vec![("h:1".parse().unwrap(), TransferError::Lost(io::Error::other("")))];
        FetchError::All { document: Document::Rfc("1".parse().unwrap()), failures }
    }

    fn attempts(task: &mut Task, took: Duration, kept: impl Fn(u64) -> u64) -> u64 {
        for attempt in 1..1000 {
            match task.after_failure(lost(), took, Some(kept(attempt))) {
                Next::Again(..) => {}
                other => {
                    assert!(matches!(other, Next::Never(_)), "{other:?}");
                    return attempt;
                }
            }
        }
        1000
    }

    #[test]
    fn a_document_that_grows_by_a_byte_is_given_up() {
        let mut one = new_task();
        one.announce(9_000_000);
        assert_eq!(attempts(&mut one, Duration::from_millis(1), |n| n), 3);
        assert_eq!(attempts(&mut new_task(), Duration::from_millis(1), |n| n), 3);
        // At 1 KiB a second and more, it goes on.
        let mut slow = new_task();
        slow.announce(1 << 40);
        assert_eq!(attempts(&mut slow, Duration::from_secs(100), |n| n * 103_000), 1000);
        let mut slower = new_task();
        slower.announce(1 << 40);
        assert_eq!(attempts(&mut slower, Duration::from_secs(100), |n| n * 102_000), 3);
    }

    #[test]
    fn growth_of_the_announced_length_is_no_progress() {
        let mut task = new_task();
        let count = attempts(&mut task, Duration::from_secs(1), |n| n * 100_000);
        assert_eq!(count, 1000, "nothing was announced");
        let mut task = new_task();
        task.announce(100_000);
        task.announce(200_000);
        assert!(attempts(&mut task, Duration::from_secs(1), |n| n * 100_000) <= 4);
    }

    #[test]
    fn another_process_is_waited_for() {
        let mut task = new_task();
        for _ in 0..100 {
            let failures = vec![("h:1".parse().unwrap(), TransferError::InUse)];
            let document = task.order.wanted.document.clone();
            let error = FetchError::All { document, failures };
            assert!(matches!(task.after_failure(error, Duration::ZERO, None), Next::Again(..)));
        }
    }
}
