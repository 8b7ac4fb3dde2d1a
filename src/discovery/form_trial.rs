//! Trying the forms of requests at an index server of another program (protocol.md appendix B.7).
//!
//! Each form is sent on a connection of its own, in a LIST, which changes nothing. The next connection is
//! made when the last one is closed.

use std::sync::Arc;
use std::time::Duration;

use super::index_dialect::IndexDialect;
use super::index_error::IndexError;
use super::index_link::Link;
use super::index_replies::{Between, Replies, Step};
use super::query::Query;
use crate::net::Cancel;
use crate::protocol::dialect::{FormFailure, RequestForm};
use crate::protocol::{Listing, Refusal, ReplyForm, ReplyPart};

/// Tries the forms that were not tried before, until a list is returned. `failed` is the form that has
/// failed last, if one has. If no form is left, the first one is used from now on.
///
/// # Errors
/// When there is no connection, or the server is full, or its bytes are no reply.
pub(crate) fn try_forms(
    dialect: &IndexDialect,
    connect: &dyn Fn(RequestForm) -> Result<Link, IndexError>,
    cancel: &Cancel,
    mut failed: Option<RequestForm>,
    mut failure: FormFailure,
) -> Result<(), IndexError> {
    // A cancelled request fails when it connects.
    let Some(_trial) = dialect.begin_trial(cancel) else { return Ok(()) };
    let limits = dialect.limits();
    let mut time = limits.form_trial;
    while let Some(form) = dialect.next_form(failed, failure) {
        if failure == FormFailure::Refusal {
            time = limits.form_trial_answered;
        }
        log::debug!("trying requests in another form: {form}");
        let link = connect(form)?;
        // Cancelling shuts the connection down while this is held.
        let _watched = cancel.watch(Arc::clone(&link.stream));
        let tried = try_form(dialect, &link, time);
        if cancel.is_cancelled() {
            return Err(IndexError::Cancelled { index: link.index.clone() });
        }
        match tried? {
            None => {
                log::info!("the index {} reads requests in this form: {form}", link.index);
                dialect.adopt_form(form);
                return Ok(());
            }
            Some(reason) => (failed, failure) = (Some(form), reason),
        }
    }
    Ok(())
}

/// Returns why the form of a connection has failed, if it has.
fn try_form(
    dialect: &IndexDialect,
    link: &Link,
    time: Duration,
) -> Result<Option<FormFailure>, IndexError> {
    let ends = link.form.has_end_line();
    let between = match ends {
        true => Between::with_end_lines(dialect, link.form),
        false => Between::of_new(dialect, link.form),
    };
    let mut replies = Replies::new(&link.index, dialect, &link.stream, between);
    let failure = send_list(link, &mut replies, time, ends)?;
    if !ends || failure.is_some() {
        return Ok(failure);
    }
    if replies.has_shown_end_line() {
        dialect.show_end_lines();
        return Ok(None);
    }
    // A server that takes the line `END` for a request refuses it before it replies to another LIST.
    replies.discard_input();
    send_list(link, &mut replies, time, false)
}

/// Sends a LIST and reads the beginning of its reply, or the whole reply; returns why the form has failed,
/// if it has.
fn send_list(
    link: &Link,
    replies: &mut Replies<'_>,
    time: Duration,
    reads_whole: bool,
) -> Result<Option<FormFailure>, IndexError> {
    let mut request = Vec::new();
    Query::List(Listing::Rfcs).encode(&link.own, &mut request);
    replies.expect(ReplyForm::Records);
    replies.begin_within(time);
    // A server may refuse and close before it has read anything.
    let sent = link.send_requests(request);
    let (mut refused, mut bytes) = (None, 0);
    loop {
        let step = replies.read_part(&mut |part, taken| {
            bytes += taken.len();
            if let ReplyPart::Refused(refusal) = part {
                refused = Some(refusal);
            }
        });
        match (step, refused) {
            (_, Some(Refusal::BadRequest | Refusal::VersionNotSupported)) => {
                return Ok(Some(FormFailure::Refusal));
            }
            // It may be the reply to words that the server does not know.
            (_, Some(Refusal::NotFound)) if link.form.has_other_list_words() => {
                return Ok(Some(FormFailure::Refusal));
            }
            (_, Some(refusal @ Refusal::ServiceUnavailable)) => {
                let index = link.index.clone();
                return Err(IndexError::Refused { index, refusal, reason: None });
            }
            (Ok(Step::Part), _) if reads_whole && bytes < MOST_BEFORE_END => {}
            (Ok(Step::Part), _) if reads_whole => return Ok(Some(FormFailure::Silence)),
            (Ok(Step::Part | Step::End(_)), _) => return Ok(None),
            (Ok(Step::Closed) | Err(IndexError::Lost { .. }), _) => {
                return Ok(Some(FormFailure::Close));
            }
            (Err(IndexError::Silent { .. } | IndexError::Unfinished { .. }), _) => {
                return Ok(Some(FormFailure::Silence));
            }
            (Err(error), _) => return sent.and(Err(error)),
        }
    }
}

/// Bytes of a list that are read to find the line `END` after it.
const MOST_BEFORE_END: usize = 1024 * 1024;
