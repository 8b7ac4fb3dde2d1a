//! One connection to the index: everything is registered on it, and then replies are read until it ends
//! (protocol.md sections 4.6 and 8.5).

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Event, Shared, State};
use crate::discovery::IndexError;
use crate::discovery::Link;
use crate::discovery::note_ipv6_only;
use crate::discovery::{Between, Replies, Step};
use crate::escape::excerpt;
use crate::limits;
use crate::protocol::{Refusal, ReplyForm, ReplyPart};

const FULL: ReplyPart = ReplyPart::Refused(Refusal::ServiceUnavailable);

/// How a connection ended without an error.
enum Joined {
    /// The registration ends.
    Left,
    /// Another connection is made, in another form, of which each is tried once; or without a
    /// document that this index must not be sent again.
    Replaced,
}

impl Shared {
    /// Joins, and reads until the connection ends, which always is an error. Sets `registered` when
    /// the connection has become useful.
    pub(super) fn join_and_read(&self, registered: &mut Option<Instant>) -> Result<(), IndexError> {
        for _ in 0..limits::REPLACED_CONNECTIONS {
            if let Joined::Left = self.join_once(registered)? {
                return Ok(());
            }
        }
        let index = self.index.clone();
        Err(IndexError::Unsolicited { index, found: "more than one reply to each request".into() })
    }

    fn join_once(&self, registered: &mut Option<Instant>) -> Result<Joined, IndexError> {
        let link = Link::connect(&self.index, self.host.as_ref(), Some(self.port), &self.cancel)?;
        let link = Arc::new(link);
        if !self.advance(State::Joining(Arc::clone(&link))) {
            return Ok(Joined::Left);
        }
        if self.host.is_none() {
            note_ipv6_only(&link.own.host);
        }
        let between = Between::of_new(&self.dialect);
        let mut replies = Replies::new(&self.index, &self.dialect, &link.stream, between);
        let Some(count) = self.register(&link, &mut replies)? else {
            drop(replies);
            // A server that serves one connection after the other reads the next one after this.
            link.close();
            return Ok(Joined::Replaced);
        };
        if count > 0 || self.library.read().is_empty() {
            *registered = Some(Instant::now());
        }
        self.joined.store(true, Ordering::Release);
        // Before others can ask: a script reads this line first.
        (self.tell)(Event::Registered(count));
        if !self.advance(State::Here(Arc::clone(&link), None)) {
            return Ok(Joined::Left);
        }
        if self.dialect.answers_one_request() {
            self.wait_for_end();
            return Ok(Joined::Left);
        }
        let read = self.read_replies(&link, &mut replies);
        if self.is_leaving() { Ok(Joined::Left) } else { Err(read) }
    }

    /// Reads and delivers replies until the connection ends; returns why.
    fn read_replies(&self, link: &Link, replies: &mut Replies<'_>) -> IndexError {
        replies.expect_at_any_time(ReplyForm::OneRecord);
        let mut unsolicited = None;
        loop {
            let step = replies.read_part(&mut |part, bytes| {
                let is_full = part == FULL;
                if !self.deliver(part, bytes) && unsolicited.is_none() {
                    let (index, found) = (self.index.clone(), excerpt(bytes.trim_ascii()));
                    unsolicited = Some(match is_full {
                        // A connection without a request was closed for another one.
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

    /// Waits until the membership ends.
    fn wait_for_end(&self) {
        let end = self.changed.wait_while(self.lock(), |state| !matches!(state, State::Leaving));
        drop(end);
    }
}
