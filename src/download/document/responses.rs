//! Asks several holders in parallel: the first that delivers the beginning of the document is chosen
//! (protocol.md section 7).

use std::io;
use std::time::{Duration, Instant};

use super::candidates::{Ask, Candidate, Next, Version};
use super::download::{Download, Running};
use crate::download::dialing::Trial;
use crate::download::exchange::{Exchange, GetRequest, Response};
use crate::download::model::{DownloadProgress, TransferError};
use crate::limits;
use crate::protocol::ByteRange;
use crate::system::wait_for_any;

/// How often asking another holder is tried again while no trial is possible, and how often
/// cancellation is checked.
const POLL: Duration = Duration::from_millis(50);

/// Whether another holder was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Started {
    Yes,
    /// Not at the moment.
    Blocked,
    /// No holder is left.
    No,
}

impl<'a> Download<'a> {
    /// The next holder that delivers the beginning of the document, and its response; `None` if no
    /// holder is left, or the download is cancelled. The other holders that were asked meanwhile can
    /// be asked again.
    pub(super) fn next_response(&mut self) -> io::Result<Option<(Candidate<'a>, Response)>> {
        let mut next_start = Instant::now();
        // Exchanges that have failed and were not replaced yet.
        let mut failed: usize = 0;
        loop {
            if self.dialer.cancel.is_cancelled() {
                self.running.clear();
                return Ok(None);
            }
            let mut started = Started::Yes;
            while started == Started::Yes && self.running.len() < self.dialer.limits.holders_asked {
                let now = Instant::now();
                if self.running.is_empty() || now >= next_start {
                    next_start = limits::end_of(now, self.stagger());
                } else if failed > 0 {
                    failed -= 1;
                } else {
                    break;
                }
                started = self.start();
            }
            if self.running.is_empty() {
                match started {
                    Started::No => return Ok(None),
                    Started::Blocked => self.admission.trials.wait(POLL),
                    Started::Yes => {}
                }
                continue;
            }
            let before = self.running.len();
            if let Some(response) = self.advance() {
                self.drop_others();
                return Ok(Some(response));
            }
            self.give_up_slow();
            failed = failed.saturating_add(before.saturating_sub(self.running.len()));
            if started == Started::Blocked {
                next_start = Instant::now();
            }
            if self.running.len() == before {
                self.wait(next_start, started)?;
            }
        }
    }

    /// The time after which the next holder is asked in parallel. It is shorter after holders that began
    /// and did not complete the document.
    fn stagger(&self) -> Duration {
        self.dialer.limits.holder_stagger / self.stops.saturating_add(1)
    }

    /// Asks the next holder.
    fn start(&mut self) -> Started {
        let mut skipped = Vec::new();
        let mut running = self.running.iter();
        let is_waiting = running.any(|one| self.candidates.is_preferred(&one.candidate));
        let next = self.candidates.next(is_waiting, &mut skipped);
        for (holder, error) in skipped {
            self.report(holder, error);
        }
        match next {
            Next::None => Started::No,
            Next::Blocked => Started::Blocked,
            Next::Ask(candidate, trial) => {
                self.ask(candidate, trial);
                Started::Yes
            }
        }
    }

    pub(super) fn ask(&mut self, candidate: Candidate<'a>, trial: Option<Trial>) {
        let source = candidate.source;
        if candidate.ask != Ask::Whole {
            (self.watch)(DownloadProgress::Asking(&source.holder));
        }
        let kept = self.partial.beginning_length().filter(|_| candidate.ask == Ask::Rest);
        let request = GetRequest {
            holder: &source.holder,
            document: &self.request.document,
            want_digest: candidate.ask != Ask::Plain,
            form: candidate.form,
            // From the last byte that is here, so that the range is never empty.
            range: kept.map(|length| ByteRange::start(length.saturating_sub(1))),
        };
        let is_proven = trial.is_none();
        let beginning = match self.admission.stats.has_stopped(&source.holder) {
            true => self.dialer.limits.beginning_max,
            // A slow holder that continues while others are tried.
            false if candidate.is_late && self.candidates.has_early() => {
                self.dialer.limits.beginning_max
            }
            false => self.dialer.limits.beginning,
        };
        match Exchange::begin(self.dialer, self.pipeline, source, request, trial) {
            Ok(exchange) => {
                self.running.push(Running { candidate, is_proven, beginning, exchange });
            }
            Err(error) => self.failed(&source.holder, error),
        }
    }

    /// Does what is possible without waiting. Returns the first response.
    fn advance(&mut self) -> Option<(Candidate<'a>, Response)> {
        let is_alone = self.running.len() == 1 && self.candidates.is_empty();
        let has_early = self.candidates.has_early();
        let limits = &self.dialer.limits;
        let most = self.running.iter().map(|running| running.exchange.received()).max();
        let now = Instant::now();
        let mut at = 0;
        while let Some(running) = self.running.get_mut(at) {
            // After one holder has stopped, even a proven one is checked.
            let is_trusted = running.is_proven && self.beginning == limits.beginning;
            let is_taken = is_trusted || is_alone;
            let expected = running.beginning.max(self.beginning);
            // If all are slow, the fastest is chosen.
            let is_last = !has_early && running.exchange.age(now) >= limits.first_byte;
            let beginning = match (is_taken, is_last) {
                (true, _) => 0,
                (false, true) => expected.min(most.unwrap_or(0)).max(limits.beginning),
                (false, false) => expected,
            };
            match running.exchange.advance(self.dialer, beginning) {
                None => at += 1,
                Some(result) => {
                    let Running { mut candidate, exchange, .. } = self.running.remove(at);
                    match result {
                        Ok(response) => match self.rejection(&candidate, &response) {
                            None => return Some((candidate, response)),
                            Some(TransferError::OtherPart) => {
                                candidate.version = Version::Replied(response.head.digest);
                                candidate.ask = Ask::Whole;
                                self.ask(candidate, exchange.into_trial());
                            }
                            // Without a required version, another one is only asked for later.
                            Some(error) if self.request.digest.is_none() => {
                                candidate.version = Version::Replied(response.head.digest);
                                self.ask_later(candidate, error);
                            }
                            Some(error) => self.failed(&candidate.source.holder, error),
                        },
                        Err(error) => {
                            exchange.note_failure(self.dialer);
                            self.exchange_failed(candidate, exchange.into_trial(), error);
                        }
                    }
                }
            }
        }
        None
    }

    /// Why a response is not the one that is wanted, if its head shows that. Then the other holders are
    /// still waited for.
    fn rejection(&self, candidate: &Candidate<'a>, response: &Response) -> Option<TransferError> {
        let head = &response.head;
        if let Some((expected, found)) = self.request.digest.zip(head.digest)
            && expected != found
        {
            return Some(TransferError::OtherVersion { expected, found });
        }
        if let Some(expected) = self.candidates.majority_against(head.digest)
            && !candidate.source.is_chosen
            && (self.candidates.has_preferred()
                || self.running.iter().any(|one| self.candidates.is_preferred(&one.candidate)))
        {
            return Some(match head.digest {
                Some(found) => TransferError::OtherVersion { expected, found },
                None => TransferError::NoDigest,
            });
        }
        let part = head.content_range.filter(|_| candidate.ask == Ask::Rest)?;
        let is_large = part.length() > self.dialer.limits.segmented;
        let has_rest = |digest| is_large || self.partial.has_beginning(&digest, part.first());
        (!head.digest.is_some_and(has_rest)).then_some(TransferError::OtherPart)
    }

    /// Gives up the holders that have not answered in time. An unproven holder is given up early
    /// while others can be asked, and asked again when none is left.
    fn give_up_slow(&mut self) {
        let (has_early, short) = (self.candidates.has_early(), self.short_patience());
        let now = Instant::now();
        let mut at = 0;
        while let Some(running) = self.running.get_mut(at) {
            let patience = running.patience(&self.dialer.limits, has_early, short);
            let recent = running.exchange.recent(now);
            let Some(error) = running.exchange.overdue(now, patience) else {
                at += 1;
                continue;
            };
            let Running { mut candidate, exchange, .. } = self.running.remove(at);
            exchange.note_failure(self.dialer);
            if let TransferError::Deferred(_) = error {
                log::debug!("{}: {error}", candidate.source.holder);
                self.admission.stats.silent(&candidate.source.holder);
                // Of those that were given up early, the fastest are asked again first.
                if let Some((bytes, time)) = recent {
                    self.admission.stats.slow(&candidate.source.holder, bytes, time);
                }
                candidate.is_late = true;
                candidate.is_first = false;
                self.candidates.give_back(candidate);
            } else {
                self.exchange_failed(candidate, exchange.into_trial(), error);
            }
        }
    }

    /// Ends the other exchanges. Holders that had time to answer are asked after others next time.
    fn drop_others(&mut self) {
        let now = Instant::now();
        for Running { candidate, exchange, .. } in self.running.drain(..) {
            if exchange.age(now) >= self.dialer.limits.holder_stagger {
                self.admission.stats.silent(&candidate.source.holder);
            }
            self.candidates.give_back(candidate);
        }
    }

    /// Waits until an exchange can advance, or another one can be started.
    fn wait(&self, next_start: Instant, started: Started) -> io::Result<()> {
        let now = Instant::now();
        let mut until = now + POLL;
        if started == Started::Yes && self.running.len() < self.dialer.limits.holders_asked {
            until = until.min(next_start);
        }
        let (has_early, short) = (self.candidates.has_early(), self.short_patience());
        for running in &self.running {
            let Running { exchange, .. } = running;
            let overdue_at =
                exchange.overdue_at(running.patience(&self.dialer.limits, has_early, short));
            until = [exchange.next_at(now), overdue_at].into_iter().flatten().fold(until, Ord::min);
        }
        let sockets: Vec<_> =
            self.running.iter().flat_map(|running| running.exchange.sockets()).collect();
        wait_for_any(&sockets, until.saturating_duration_since(now))
    }
}
