//! One of many downloads, between its attempts (protocol.md section 7).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::events::DownloadJob;
use super::usage::{Usage, User};
use crate::download::dialing::HostNames;
use crate::download::document::Retry;
use crate::download::model::{CompletedDownload, DownloadError, Source};
use crate::library::PartsInUse;
use crate::limits;
use crate::protocol::Endpoint;

/// A download that waits, or is running.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) job: DownloadJob,
    /// Whether there is no part file, so that the document can be requested ahead.
    pub(super) is_new: bool,
    /// When it can run.
    pub(super) due: Instant,
    /// The time that its attempts took.
    pub(super) spent: Duration,
    pub(super) retry: Retry,
    /// Part files of the document that another process was writing.
    pub(super) in_use: Option<PartsInUse>,
}

/// The result of an attempt.
#[derive(Debug)]
pub(super) enum Next {
    /// The task is retried after this pause.
    Retry(DownloadError, Duration),
    /// The task was slow or has used up its time: it runs again after the others.
    Later,
    /// Another process has completed the document.
    Present,
    /// The document is complete.
    Done(CompletedDownload),
    /// The task is given up.
    GiveUp(DownloadError),
}

impl Task {
    pub(super) fn new(job: DownloadJob, is_new: bool, limits: &Arc<limits::Downloads>) -> Self {
        let retry = Retry::new(limits, limits.tries, None);
        Self { job, is_new, due: Instant::now(), spent: Duration::ZERO, retry, in_use: None }
    }

    /// Whether both can be requested from one holder on one connection.
    pub(super) fn goes_with(&self, first: &Self) -> bool {
        self.is_new && first.is_new && self.first_holder() == first.first_holder()
    }

    fn first_holder(&self) -> Option<&Endpoint> {
        self.job.request.sources.first().map(|source| &source.holder)
    }

    /// The first holder, and its party.
    pub(super) fn user(&self, names: &HostNames) -> User {
        User::of(self.job.request.sources.first(), names)
    }

    /// This holder of the document, and its party.
    pub(super) fn user_of(&self, holder: Option<&Endpoint>, names: &HostNames) -> User {
        let is_it = |source: &&Source| Some(&source.holder) == holder;
        User::of(self.job.request.sources.iter().find(is_it), names)
    }

    /// The holder that has used the most time together with its party, if there are several.
    pub(super) fn slowest(&self, usage: &Usage, names: &HostNames, now: Instant) -> Option<User> {
        let sources = self.job.request.sources.iter();
        let all = sources.skip_while(|_| self.job.request.sources.len() < 2);
        all.map(|source| User::of(Some(source), names)).max_by_key(|user| usage.of(user, now))
    }
}
