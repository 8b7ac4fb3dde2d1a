//! One request and its reply (protocol.md section 3.4).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{Exchange, IndexConnection, Last, Open, lock};
use crate::discovery::index_dialect::Extensions;
use crate::discovery::index_error::IndexError;
use crate::discovery::index_replies::{Replies, Step};
use crate::discovery::query::Query;
use crate::limits;
use crate::protocol::dialect::FormFailure;
use crate::protocol::{Listing, Record, Refusal, ReplyPart};

const OTHER_VERSION: ReplyPart = ReplyPart::Refused(Refusal::VersionNotSupported);
const BAD_REQUEST: ReplyPart = ReplyPart::Refused(Refusal::BadRequest);

impl IndexConnection {
    /// Sends one request and reads its reply, which begins within `time`, if it is given. Sets
    /// `has_begun` when part of the reply was passed on.
    pub(super) fn exchange(
        &self,
        open: Open,
        query: Query<'_>,
        time: Option<Duration>,
        has_begun: &mut bool,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Exchange, IndexError> {
        let Open { link, between, .. } = open;
        let cancel = self.cancels.own();
        // Cancelling shuts the connection down while this is held.
        let _watched = cancel.watch(Arc::clone(&link.stream));
        let mut request = Vec::new();
        query.encode(&link.own, &mut request);
        let mut replies = Replies::new(&self.index, &self.dialect, &link.stream, between);
        replies.expect(query.form());
        if let Some(time) = time.or_else(|| self.time_to_begin(query)) {
            replies.begin_within(time);
        }
        // A full server refuses and closes before it has read anything.
        let sent = link.send_requests(request);
        let is_list = matches!(query, Query::List(Listing::Rfcs));
        let doubts_list = is_list && self.dialect.doubts_list();
        let (mut taken, mut was_refused, mut held) = (Ok(()), false, None);
        let completeness = loop {
            let step = replies.read_part(&mut |part, bytes| {
                *has_begun = true;
                if taken.is_err() {
                    return;
                }
                was_refused |= matches!(part, ReplyPart::Refused(_));
                match part {
                    OTHER_VERSION => held = Some((part, bytes.to_vec())),
                    BAD_REQUEST if doubts_list => held = Some((part, bytes.to_vec())),
                    ReplyPart::Record(record) => {
                        let holder = link.scoped(record.holder);
                        taken = take(ReplyPart::Record(Record { holder, ..record }), bytes);
                    }
                    part => taken = take(part, bytes),
                }
            });
            match held.take() {
                Some((OTHER_VERSION, _)) if self.dialect.change_line_ends(link.form) => {
                    return Ok(Exchange::OtherVersion);
                }
                Some((BAD_REQUEST, _)) => return Ok(Exchange::OtherForm),
                Some((part, line)) => taken = take(part, &line),
                None => {}
            }
            // Stopped by the callback: the rest is not read.
            std::mem::replace(&mut taken, Ok(())).map_err(IndexError::Taker)?;
            match step {
                Ok(Step::Part) => {}
                Ok(Step::End(completeness)) => break completeness,
                Ok(Step::Closed) => {
                    sent?;
                    return Err(link.lost(io::ErrorKind::UnexpectedEof.into()));
                }
                Err(error) => {
                    sent?;
                    return Err(error);
                }
            }
        };
        if is_list && !was_refused {
            self.dialect.confirm_list(link.form);
        }
        let between = replies.into_between();
        if sent.is_ok() {
            let last = if was_refused { Last::Refused } else { Last::Found };
            *lock(&self.open) = Some(Open { link, between, last });
        }
        Ok(Exchange::Done(completeness))
    }

    /// The time in which the reply must begin, where the server may not understand the request: some
    /// servers never answer then.
    fn time_to_begin(&self, query: Query<'_>) -> Option<Duration> {
        let limits = self.dialect.limits();
        if self.dialect.shows_extensions() {
            return self.dialect.is_replaceable().then_some(limits::CLUSTER_REPLY);
        }
        let of_form = (!self.dialect.knows_form()).then(|| limits.first_reply.min(limits.reply));
        let of_query = match query {
            Query::Search { .. } => Some(limits.search),
            Query::Lookup { .. } if self.is_probe(query) => Some(limits.probe_reply),
            Query::Lookup { .. } => Some(limits.plain_lookup),
            Query::List(_) | Query::Add { .. } | Query::Remove(_) => None,
        };
        of_form.into_iter().chain(of_query).min()
    }

    /// Whether a request has a header that the index may not know. Some servers never answer it.
    pub(super) fn is_probe(&self, query: Query<'_>) -> bool {
        self.dialect.extensions() == Extensions::Unknown
            && matches!(query, Query::Lookup { want_attributes: true, .. })
    }

    /// Why a request that has failed so may have had the wrong form, if other forms are left. A LOOKUP or
    /// a SEARCH on which the server closes the connection is replaced by a LIST.
    pub(super) fn form_failure(&self, query: Query<'_>, error: &IndexError) -> Option<FormFailure> {
        match (query, self.dialect.form_failure(error)?) {
            (Query::List(_), failure) => Some(failure),
            (Query::Lookup { .. }, failure @ FormFailure::Silence) => Some(failure),
            _ => None,
        }
    }
}
