//! One download: asks holders, and receives the document (protocol.md sections 5.1 to 5.6 and 7).

use std::collections::HashMap;
use std::io;
use std::time::Instant;

use super::candidates::{Ask, Candidate, Candidates, Version};
use super::votes::agreeing;
use crate::download::dialing::{Admission, HolderDialer, Trial, measure};
use crate::download::downloader::Downloader;
use crate::download::exchange::{Exchange, Patience, Pipeline, Response};
use crate::download::model::{
    CompletedDownload, DownloadProgress, DownloadRequest, ExpectedDigest, TransferError,
};
use crate::download::transfer::{Accounting, Get, Outcome, Transferred, receive};
use crate::library::PartialFile;
use crate::limits::{self, bytes_in};
use crate::protocol::{Digest, Document, Endpoint, Refusal, Status};

/// How often a holder may begin the document without completing it.
pub(super) const ROUNDS: u32 = 3;

/// A holder whose response is awaited.
#[derive(Debug)]
pub(super) struct Running<'a> {
    pub(super) candidate: Candidate<'a>,
    pub(super) is_proven: bool,
    /// The bytes of the document that must have arrived before the response is accepted, at least.
    pub(super) beginning: u64,
    pub(super) exchange: Exchange<'a>,
}

impl Running<'_> {
    /// How long the response is awaited: `short` applies to an unproven holder while others can be
    /// asked.
    pub(super) fn patience(
        &self,
        limits: &limits::Downloads,
        has_others: bool,
        short: Patience,
    ) -> Patience {
        match has_others && !self.is_proven && !self.candidate.is_late {
            true => short,
            false if self.candidate.forms.is_some() => Patience::of_form(limits),
            false => Patience::full(limits),
        }
    }
}

/// A running download.
pub(super) struct Download<'a> {
    pub(super) dialer: &'a HolderDialer,
    pub(super) admission: &'a Admission,
    pub(super) accounting: &'a Accounting,
    pub(super) request: &'a DownloadRequest,
    pub(super) pipeline: &'a mut Pipeline,
    pub(super) partial: &'a mut PartialFile,
    pub(super) watch: &'a mut dyn FnMut(DownloadProgress<'_>),
    pub(super) candidates: Candidates<'a>,
    /// The exchanges whose responses are awaited.
    pub(super) running: Vec<Running<'a>>,
    pub(super) failures: Vec<(Endpoint, TransferError)>,
    /// The first failures of holders at which other forms of the request are tried.
    not_understood: HashMap<&'a Endpoint, TransferError>,
    /// The bytes of the document that must have arrived from an unproven holder before its response
    /// is accepted.
    pub(super) beginning: u64,
    /// How often a holder began the document and did not complete it.
    pub(super) stops: u32,
    /// Whether a large document may be downloaded in segments.
    pub(super) in_segments: bool,
    /// Whether the download has ended because another process is downloading the document.
    pub(super) is_in_use: bool,
}

impl<'a> Download<'a> {
    pub(super) fn new(
        downloader: &'a Downloader,
        request: &'a DownloadRequest,
        pipeline: &'a mut Pipeline,
        partial: &'a mut PartialFile,
        watch: &'a mut dyn FnMut(DownloadProgress<'_>),
    ) -> Self {
        let Downloader { dialer, admission, accounting } = downloader;
        let mut candidates = Candidates::new(admission, request);
        if let Some(holder) = pipeline.requested_from(&request.document) {
            candidates.ask_first(holder);
        }
        let (running, failures) = (Vec::new(), Vec::new());
        let beginning = dialer.limits.beginning;
        Self {
            dialer,
            admission,
            accounting,
            request,
            pipeline,
            partial,
            watch,
            candidates,
            running,
            failures,
            not_understood: HashMap::new(),
            beginning,
            stops: 0,
            in_segments: true,
            is_in_use: false,
        }
    }

    /// Runs the download. `None` when all holders have failed, or the download was cancelled.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn run(&mut self) -> io::Result<Option<CompletedDownload>> {
        for (holder, error) in measure(self.dialer, self.admission, &self.request.sources) {
            self.candidates.remove(holder);
            self.failed(holder, error);
        }
        while let Some((candidate, response)) = self.next_response()? {
            if let Some(fetched) = self.receive(candidate, response)? {
                return Ok(Some(fetched));
            }
            if self.is_in_use {
                break;
            }
        }
        Ok(None)
    }

    pub(super) fn into_failures(self) -> Vec<(Endpoint, TransferError)> {
        self.failures
    }

    /// Receives the document of a response; `None` if the holder does not deliver it.
    fn receive(
        &mut self,
        mut candidate: Candidate<'a>,
        response: Response,
    ) -> io::Result<Option<CompletedDownload>> {
        let holder = &candidate.source.holder;
        let digest = response.head.digest;
        candidate.version = Version::Replied(digest);
        (self.watch)(DownloadProgress::Receiving(holder));
        let was_begun = self.partial.beginning_length().is_some();
        let get = Get {
            holder,
            digest: self.request.digest,
            in_segments: self.in_segments && candidate.ask != Ask::Plain,
            // Shorter while others can be asked.
            patience: match self.candidates.is_empty() {
                true => self.dialer.limits.min_rate_time,
                false => self.dialer.limits.min_rate_time_with_others,
            },
            preferred_rates: self
                .candidates
                .has_early()
                .then(|| self.preferred_rates(holder, &response)),
        };
        let begun = Instant::now();
        let outcome = {
            let Self { admission, accounting, pipeline, partial, watch, .. } = self;
            let _busy = admission.stats.busy(holder);
            let mut progress = |done, all| watch(DownloadProgress::Bytes(done, all));
            receive(accounting, &get, response, pipeline, partial, &mut progress)
        };
        if let Err(error) = &outcome
            && error.has_stopped(&self.dialer.limits)
            && !self.dialer.cancel.is_cancelled()
        {
            self.admission.stats.stopped(holder, begun);
        }
        let error = match outcome {
            Ok(Outcome::Whole(transferred)) => {
                if candidate.ask == Ask::Plain {
                    self.admission.stats.understands(holder, candidate.form);
                }
                return Ok(Some(self.fetched(holder, &transferred)));
            }
            Ok(Outcome::Large(digest, length, response)) => {
                return self.fetch_large(candidate, digest, length, *response);
            }
            Err(TransferError::File(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
                self.partial.discard()?;
                self.failed(holder, TransferError::TooLargeHere(error));
                return Ok(None);
            }
            Err(TransferError::File(error)) => return Err(error),
            Err(TransferError::InUse) => {
                self.is_in_use = true;
                return Ok(None);
            }
            Err(error @ TransferError::Slow { bytes, time }) => {
                self.admission.stats.slow(holder, bytes, time);
                self.expect_more();
                (self.watch)(DownloadProgress::Failed(holder, &error));
                candidate.is_late = true;
                candidate.is_first = false;
                if candidate.ask == Ask::Whole {
                    candidate.ask = Ask::Rest;
                }
                self.continue_slowly(
                    candidate,
                    bytes_in(self.dialer.limits.min_rate, time) <= bytes,
                );
                return Ok(None);
            }
            Err(error) => error,
        };
        if let TransferError::TooSlow { .. } | TransferError::Truncated { .. } = error {
            self.expect_more();
        }
        if let TransferError::WrongDigest { .. } = error {
            self.expect_more();
            self.partial.discard()?;
            self.admission.stats.distrust(holder);
        }
        match (&error, candidate.ask) {
            // The part file is of another document, or of a longer one.
            (TransferError::OtherPart, Ask::Rest) => self.ask_again(candidate, Ask::Whole),
            // The bytes that were here before may be wrong, or these: others are asked first.
            (TransferError::WrongDigest { .. }, Ask::Rest) if was_begun => {
                candidate.ask = Ask::Whole;
                self.candidates.give_back(candidate);
            }
            _ => self.failed(holder, error),
        }
        Ok(None)
    }

    fn fetched(&self, holder: &Endpoint, transferred: &Transferred) -> CompletedDownload {
        let &Transferred { length, length_checked, last_modified, digest, digest_checked, .. } =
            transferred;
        let holders = vec![holder.clone()];
        let expected = match digest_checked {
            true => self.expected(&digest, &holders),
            false => ExpectedDigest::Nothing,
        };
        CompletedDownload { holders, length, length_checked, last_modified, digest, expected }
    }

    /// The source of the digest with which the bytes of these holders were compared.
    pub(super) fn expected(&self, digest: &Digest, holders: &[Endpoint]) -> ExpectedDigest {
        if self.request.digest.is_some() {
            return ExpectedDigest::Caller;
        }
        if self.request.sources.len() < 2 {
            return ExpectedDigest::Holder;
        }
        match agreeing(&self.request.sources, &self.admission.names, holders, digest) {
            0 | 1 => ExpectedDigest::Holder,
            networks => ExpectedDigest::Holders(networks),
        }
    }

    /// Asks a holder again, with another form of the request.
    pub(super) fn ask_again(&mut self, mut candidate: Candidate<'a>, ask: Ask) {
        candidate.ask = ask;
        candidate.is_first = true;
        self.candidates.give_back(candidate);
    }

    /// Asks a holder again later: it began the document, and there may be no better one.
    pub(super) fn ask_later(&mut self, mut candidate: Candidate<'a>, error: TransferError) {
        candidate.rounds += 1;
        candidate.is_first = false;
        if candidate.rounds < ROUNDS {
            self.candidates.give_back(candidate);
        } else {
            self.failed(&candidate.source.holder, error);
        }
    }

    /// Handles a failed exchange: the holder is asked with another form of the request, or has failed.
    pub(super) fn exchange_failed(
        &mut self,
        mut candidate: Candidate<'a>,
        trial: Option<Trial>,
        error: TransferError,
    ) {
        let is_proven = self.admission.stats.is_proven(&candidate.source.holder);
        let is_rfc = matches!(self.request.document, Document::Rfc(_));
        // A proven holder closes the connection for other reasons.
        let may_know_no_ranges =
            candidate.ask == Ask::Rest && self.partial.beginning_length().is_some() && !is_proven;
        match (&error, candidate.ask) {
            // A strict program is asked without extensions.
            (
                TransferError::Refused(Status::Refused(Refusal::BadRequest))
                | TransferError::Protocol(_),
                Ask::Rest | Ask::Whole,
            ) => self.ask_again(candidate, Ask::Plain),
            // A proven holder may have been restarted. A program that closes the connection
            // because of an extension has no files; other hosts that close it may be victims
            // (protocol.md section 9).
            (TransferError::NoReply, Ask::Rest | Ask::Whole) if !is_proven && is_rfc => {
                candidate.ask = Ask::Plain;
                // The trial is kept, so that no other download tries the holder in between.
                self.ask(candidate, trial);
            }
            // A program that may not know ranges is asked without extensions, too.
            (error, _) if may_know_no_ranges && error.may_refuse_extensions() => {
                self.ask_again(candidate, Ask::Plain);
            }
            // The part file is longer than the holder's document.
            (TransferError::Refused(Status::Refused(Refusal::RangeNotSatisfiable)), Ask::Rest) => {
                self.ask_again(candidate, Ask::Whole);
            }
            _ if self.try_another_form(&mut candidate, &error) => {
                self.not_understood.entry(&candidate.source.holder).or_insert(error);
                self.ask(candidate, trial);
            }
            _ => {
                let holder = &candidate.source.holder;
                let error = self.not_understood.remove(holder).unwrap_or(error);
                self.failed(holder, error);
            }
        }
    }

    pub(super) fn failed(&mut self, holder: &Endpoint, error: TransferError) {
        if self.dialer.cancel.is_cancelled() {
            // The failure is a connection that was shut down here.
            return;
        }
        if error.is_fault_of_holder() {
            self.admission.stats.failed(holder);
        }
        self.report(holder, error);
    }

    /// Reports a failure that does not count against the holder, or was counted already.
    pub(super) fn report(&mut self, holder: &Endpoint, error: TransferError) {
        (self.watch)(DownloadProgress::Failed(holder, &error));
        self.failures.push((holder.clone(), error));
    }
}
