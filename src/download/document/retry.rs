//! When a failed download is retried: as long as it makes progress (protocol.md section 7).
//!
//! The rule is the same for a single download, for many, and in the background.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::download::backoff::backoff_delay;
use crate::download::downloader::Downloader;
use crate::download::model::{CompletedDownload, DownloadError, DownloadProgress, DownloadRequest};
use crate::library::{PartialFile, PartsInUse};
use crate::limits::{self, bytes_in};

/// The progress of one download over its attempts.
#[derive(Debug)]
pub(in crate::download) struct Retry {
    limits: Arc<limits::Downloads>,
    /// The number of attempts in a row without progress after which the download is given up.
    most: u32,
    /// When it was first found that another process is downloading the document.
    in_use_since: Option<Instant>,
    /// The length that a holder announced first. A larger length later is no progress.
    announced: Option<u64>,
    /// Attempts in a row that made no progress.
    tries: u32,
    /// Bytes that can be resumed.
    kept: u64,
    /// Whether a holder could not be reached in the last attempt that asked any.
    is_holder_away: bool,
}

/// The decision after a failed attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::download) enum Decision {
    /// The download is retried after this pause.
    Retry(Duration),
    /// The download is given up.
    GiveUp,
}

impl Retry {
    /// Begins with `kept` bytes. The download is given up after `most` attempts in a row without
    /// progress.
    pub(in crate::download) fn new(
        limits: &Arc<limits::Downloads>,
        most: u32,
        kept: Option<u64>,
    ) -> Self {
        let (limits, kept) = (Arc::clone(limits), kept.unwrap_or(0));
        let (in_use_since, announced, is_holder_away) = (None, None, false);
        Self { limits, most, in_use_since, announced, tries: 0, kept, is_holder_away }
    }

    /// Notes the length that a holder announces.
    pub(in crate::download) fn announce(&mut self, length: u64) {
        self.announced.get_or_insert(length);
    }

    /// The length that a holder announced first.
    pub(in crate::download) fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// Notes the number of bytes that can be resumed.
    pub(in crate::download) fn keep(&mut self, kept: Option<u64>) {
        self.kept = kept.unwrap_or(0).min(self.announced.unwrap_or(u64::MAX));
    }

    /// Decides after a failed attempt of this duration. `kept` bytes can be resumed.
    pub(in crate::download) fn after_failure(
        &mut self,
        error: &DownloadError,
        took: Duration,
        kept: Option<u64>,
    ) -> Decision {
        if error.is_in_use() {
            let since = *self.in_use_since.get_or_insert_with(Instant::now);
            return match since.elapsed() < self.limits.in_use {
                true => Decision::Retry(limits::IN_USE_PAUSE),
                false => Decision::GiveUp,
            };
        }
        self.is_holder_away = error.is_holder_away().unwrap_or(self.is_holder_away);
        let before = self.kept;
        self.keep(kept);
        let gained = self.kept.saturating_sub(before);
        if let Some(pause) = error.backoff() {
            return Decision::Retry(pause);
        }
        let has_progressed = gained >= self.least_progress(took) && !error.is_too_slow();
        self.tries = if has_progressed { 0 } else { self.tries.saturating_add(1) };
        match error.is_transient() && self.tries < self.most {
            true => Decision::Retry(backoff_delay(&self.limits, self.tries)),
            false => Decision::GiveUp,
        }
    }

    /// The error of a download that is given up. Its bytes are kept if a holder cannot be reached,
    /// because the holder or the network may return.
    pub(in crate::download) fn given_up(&self, mut error: DownloadError) -> DownloadError {
        if let DownloadError::AllFailed { kept, .. } = &mut error {
            *kept = Some(self.kept).filter(|kept| *kept > 0 && self.is_holder_away);
        }
        error
    }

    /// The bytes that an attempt must receive to count as progress: the minimum rate, and a share
    /// that bounds the number of attempts.
    fn least_progress(&self, took: Duration) -> u64 {
        let at_rate = bytes_in(self.limits.min_rate, took);
        let least = bytes_in(self.limits.min_rate, self.limits.min_rate_time);
        let share = self.announced.map_or(least, |length| length / 8);
        at_rate.max(least.min(share)).max(1)
    }

    /// Whether it was reported already that another process is downloading the document.
    pub(in crate::download) fn is_waiting_for_another(&self) -> bool {
        self.in_use_since.is_some_and(|since| since.elapsed() > limits::IN_USE_PAUSE / 2)
    }
}

impl Downloader {
    /// Downloads a document like [`Downloader::download`], and retries as long as there is progress.
    /// While another process is downloading the document, waits for it.
    ///
    /// # Errors
    /// As [`Downloader::download`], and [`DownloadError::Present`] when the other process has saved the
    /// document. With `overwrite` the document is downloaded nevertheless.
    pub fn download_with_retries(
        &self,
        request: &DownloadRequest,
        partial: &mut PartialFile,
        overwrite: bool,
        watch: &mut dyn FnMut(DownloadProgress<'_>),
    ) -> Result<CompletedDownload, DownloadError> {
        let mut retry = Retry::new(&self.dialer.limits, 1, partial.resumable_bytes());
        loop {
            let begun = Instant::now();
            let outcome = self.download(request, partial, &mut |attempt| {
                if let DownloadProgress::Bytes(_, Some(length)) = attempt {
                    retry.announce(length);
                }
                watch(attempt);
            });
            let error = match outcome {
                Err(error) if !self.cancel().is_cancelled() => error,
                outcome => return outcome,
            };
            let in_use = partial.take_in_use().filter(|_| error.is_in_use());
            loop {
                let decision =
                    retry.after_failure(&error, begun.elapsed(), partial.resumable_bytes());
                let Decision::Retry(pause) = decision else {
                    return Err(retry.given_up(error));
                };
                if !error.is_in_use() || !retry.is_waiting_for_another() {
                    watch(DownloadProgress::Retrying(&error, pause));
                }
                if self.cancel().sleep(pause) {
                    return Err(DownloadError::Cancelled(request.document.clone()));
                }
                if !in_use.as_ref().is_some_and(PartsInUse::are_in_use) {
                    break;
                }
            }
            if error.is_in_use() && !overwrite && partial.is_saved_by_another() {
                return Err(DownloadError::Present(request.document.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::download::model::TransferError;
    use crate::protocol::Document;

    fn failed(error: TransferError) -> DownloadError {
        let failures = vec![("h:1".parse().unwrap(), error)];
        DownloadError::AllFailed {
            document: Document::Rfc("1".parse().unwrap()),
            failures,
            kept: None,
        }
    }

    fn new(most: u32) -> Retry {
        Retry::new(&Arc::default(), most, None)
    }

    fn lost() -> DownloadError {
        failed(TransferError::Lost(io::Error::other("")))
    }

    fn attempts(retry: &mut Retry, took: Duration, kept: impl Fn(u64) -> u64) -> u64 {
        let is_over = |attempt: &u64| {
            retry.after_failure(&lost(), took, Some(kept(*attempt))) == Decision::GiveUp
        };
        (1..1000).find(is_over).unwrap_or(1000)
    }

    #[test]
    fn bytes_of_an_unreachable_holder_are_kept() {
        let kept = |errors: &mut dyn Iterator<Item = TransferError>, kept| {
            let mut retry = new(3);
            let mut last = None;
            for error in errors {
                let error = failed(error);
                retry.after_failure(&error, Duration::ZERO, kept);
                last = Some(retry.given_up(error));
            }
            last.and_then(|error| error.kept())
        };
        let time = Duration::from_secs(30);
        let unreachable = || TransferError::Unreachable(io::ErrorKind::ConnectionRefused.into());
        let truncated = || TransferError::Truncated { expected: 9, found: 5 };
        for (errors, is_kept) in [
            (vec![truncated(), unreachable()], true),
            // Holders that are not asked have no effect.
            (vec![unreachable(), TransferError::GivenUp], true),
            (vec![TransferError::TooSlow { bytes: 0, time }], true),
            (vec![TransferError::Lost(io::ErrorKind::TimedOut.into())], true),
            (vec![unreachable(), truncated()], false),
            (vec![truncated(), TransferError::GivenUp], false),
            (vec![TransferError::TooSlow { bytes: 1, time }], false),
        ] {
            let what = format!("{errors:?}");
            assert_eq!(kept(&mut errors.into_iter(), Some(5)), is_kept.then_some(5), "{what}");
        }
        assert_eq!(kept(&mut [unreachable()].into_iter(), None), None);
    }

    #[test]
    fn a_document_that_grows_by_a_byte_is_given_up() {
        for most in [1, 3] {
            let new = || new(most);
            let mut one = new();
            one.announce(9_000_000);
            let most = u64::from(most);
            assert_eq!(attempts(&mut one, Duration::from_millis(1), |n| n), most);
            assert_eq!(attempts(&mut new(), Duration::from_millis(1), |n| n), most);
            // At 1 KiB per second or more, it is retried.
            let mut slow = new();
            slow.announce(1 << 40);
            assert_eq!(attempts(&mut slow, Duration::from_secs(100), |n| n * 103_000), 1000);
            let mut slower = new();
            slower.announce(1 << 40);
            assert_eq!(attempts(&mut slower, Duration::from_secs(100), |n| n * 102_000), most);
        }
    }

    #[test]
    fn growth_of_the_announced_length_is_no_progress() {
        let mut retry = new(3);
        let count = attempts(&mut retry, Duration::from_secs(1), |n| n * 100_000);
        assert_eq!(count, 1000, "nothing was announced");
        let mut retry = new(3);
        retry.announce(100_000);
        retry.announce(200_000);
        assert!(attempts(&mut retry, Duration::from_secs(1), |n| n * 100_000) <= 4);
    }

    #[test]
    fn another_process_is_waited_for() {
        let mut retry = new(1);
        for _ in 0..100 {
            let error = DownloadError::InUse(Document::Rfc("1".parse().unwrap()));
            let decision = retry.after_failure(&error, Duration::ZERO, None);
            assert!(matches!(decision, Decision::Retry(_)));
        }
    }
}
