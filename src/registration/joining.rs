//! One connection to the index: everything is registered on it, and then replies are read until it
//! ends (protocol.md sections 4.6 and 8.5).

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::event::Event;
use super::shared::Shared;
use super::state::State;
use crate::discovery::{Between, IndexError, Link, Replies, Step, note_ipv6_only, try_forms};
use crate::escape::excerpt;
use crate::protocol::dialect::{FormFailure, RequestForm};
use crate::protocol::{Refusal, ReplyForm, ReplyPart};

const FULL: ReplyPart = ReplyPart::Refused(Refusal::ServiceUnavailable);

/// How a connection ended without an error.
enum Joined {
    /// The registration is closed.
    Closed,
    /// Another connection is made: with requests in another form, or without a document that this
    /// index must not be sent again. Each form is tried once.
    Replaced,
}

impl Shared {
    /// Connects, registers everything, and reads until the connection ends, which is always an error
    /// unless the registration is closed. Sets `registered` when documents are registered.
    pub(super) fn join_and_read(&self, registered: &mut Option<Instant>) -> Result<(), IndexError> {
        for _ in 0..self.limits.replaced_connections {
            if let Joined::Closed = self.join_once(registered)? {
                return Ok(());
            }
        }
        let index = self.index.clone();
        Err(IndexError::Unsolicited { index, found: "more than one reply to each request".into() })
    }

    fn join_once(&self, registered: &mut Option<Instant>) -> Result<Joined, IndexError> {
        let link = Arc::new(self.connect(self.dialect.form())?);
        if !self.advance(State::Joining(Arc::clone(&link))) {
            return Ok(Joined::Closed);
        }
        if self.host.is_none() {
            note_ipv6_only(&link.own.host);
        }
        let between = Between::of_new(&self.dialect, link.form);
        let mut replies = Replies::new(&self.index, &self.dialect, &link.stream, between);
        let checked = match &self.expected {
            Some(expected) => self.check_cluster(&link, &mut replies, expected),
            None => Ok(()),
        };
        let outcome = match checked.and_then(|()| self.register(&link, &mut replies)) {
            Err(error) => match self.dialect.form_failure(&error) {
                Some(failure) if !self.is_closing() => {
                    link.close();
                    self.try_forms(Some(link.form), failure)?;
                    None
                }
                _ => return Err(self.dialect.with_tried_forms(error)),
            },
            Ok(outcome) => outcome,
        };
        let Some(count) = outcome else {
            drop(replies);
            // A server that serves one connection after the other accepts the next one only then.
            link.close();
            return Ok(Joined::Replaced);
        };
        if count > 0 || self.library.read().is_empty() {
            *registered = Some(Instant::now());
        }
        self.settle();
        self.was_registered.store(true, Ordering::Release);
        // Before other threads can send requests: scripts wait for this line.
        (self.report)(Event::Registered(count));
        if !self.advance(State::Registered(Arc::clone(&link), None)) {
            return Ok(Joined::Closed);
        }
        if self.dialect.answers_one_request() {
            self.wait_for_end();
            return Ok(Joined::Closed);
        }
        let read = self.read_replies(&link, &mut replies);
        if self.is_closing() { Ok(Joined::Closed) } else { Err(read) }
    }

    fn connect(&self, form: RequestForm) -> Result<Link, IndexError> {
        let Self { dialer, index, provenance, cancel, .. } = self;
        let (host, port) = (self.host.as_ref(), Some(self.port));
        Link::connect(dialer, index, *provenance, host, port, form, cancel)
    }

    /// Tries requests in other forms than this one, which has failed.
    pub(super) fn try_forms(
        &self,
        failed: Option<RequestForm>,
        failure: FormFailure,
    ) -> Result<(), IndexError> {
        try_forms(&self.dialect, &|form| self.connect(form), &self.cancel, failed, failure)
    }

    /// Reads and delivers replies until the connection ends; returns the reason.
    fn read_replies(&self, link: &Link, replies: &mut Replies<'_>) -> IndexError {
        replies.expect_at_any_time(ReplyForm::OneRecord);
        let mut unsolicited = None;
        loop {
            let step = replies.read_part(&mut |part, bytes| {
                let is_full = part == FULL;
                if !self.deliver(part, bytes) && unsolicited.is_none() {
                    let (index, found) = (self.index.clone(), excerpt(bytes.trim_ascii()));
                    unsolicited = Some(match is_full {
                        // An idle connection was closed to admit another one.
                        true => IndexError::Refused {
                            index,
                            refusal: Refusal::ServiceUnavailable,
                            reason: None,
                        },
                        false => IndexError::Unsolicited { index, found },
                    });
                }
            });
            if let Some(error) = unsolicited.take() {
                return error;
            }
            match step {
                Ok(Step::Part) => {}
                Ok(Step::End(_)) => {
                    if let Err(error) = self.end_reply(replies) {
                        return error;
                    }
                }
                Ok(Step::Closed) => return link.lost(io::ErrorKind::ConnectionAborted.into()),
                Err(error) => return error,
            }
        }
    }

    /// Waits until the registration is closed.
    fn wait_for_end(&self) {
        let end = self.changed.wait_while(self.lock(), |state| !matches!(state, State::Closing));
        drop(end);
    }
}
