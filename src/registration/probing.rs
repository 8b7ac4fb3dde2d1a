//! Finding out which extensions an index server knows, by one LOOKUP with `Want-Attributes` (protocol.md
//! section 8.5).

use std::sync::atomic::Ordering;

use super::registering::Outcomes;
use super::shared::Shared;
use crate::discovery::{Extensions, IndexError, Link, LookupTitle, Query, Replies, Unsolicited};
use crate::error_chain::error_chain;
use crate::protocol::{Document, Refusal, ReplyForm};

impl Shared {
    /// Requests the attributes of the document that was just added, with its title. An index that
    /// knows attributes sends them. Returns whether the connection can still be used.
    ///
    /// Only a reply other than 503 proves that an index knows no extension. Where nothing was added,
    /// the peer connects again after any other outcome. Where an RFC was added, an index that does not
    /// reply is not asked a third time, because some servers never answer an unknown header, and
    /// each new connection removes the RFC from the index for a moment.
    pub(super) fn probe_extensions(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        first: &Document,
        outcomes: &Outcomes,
    ) -> Result<bool, IndexError> {
        let is_added = matches!(first, Document::Rfc(_));
        if !is_added {
            self.dialect.withdraw_doubt();
        }
        let is_unknown = self.dialect.extensions() == Extensions::Unknown;
        if !is_unknown || self.dialect.answers_one_request() {
            return Ok(true);
        }
        let of_first = || {
            let title = self.library.read().entry(first)?.title().clone();
            matches!(first, Document::Rfc(_)).then(|| (first.clone(), title))
        };
        let Some((document, title)) = of_first().or_else(Query::of_rfc_1) else { return Ok(true) };
        let (document, title) = (&document, LookupTitle::Known(&title));
        let query = Query::Lookup { document, title, want_attributes: true };
        let mut request = Vec::new();
        query.encode(&link.own, &mut request);
        self.was_asked.store(true, Ordering::Release);
        let sent = self.exchange(link, replies, request, ReplyForm::Records);
        replies.begin_within(self.dialect.limits().registration_probe);
        // `replies` records the extensions that the server has shown.
        match (sent.and_then(|()| replies.read_one(&mut |_, _| {})), &outcomes.refused[..]) {
            (Ok(Some((Refusal::VersionNotSupported, _))), _)
                if self.dialect.change_line_ends(link.form) =>
            {
                Ok(false)
            }
            (Ok(_), _) if self.dialect.shows_extensions() => Ok(true),
            (Ok(Some((refusal @ Refusal::ServiceUnavailable, reason))), _) => {
                Err(IndexError::Refused { index: self.index.clone(), refusal, reason })
            }
            (Ok(_), _) => match replies.wait_for_unsolicited(self.dialect.limits().refusal_rest)? {
                Unsolicited::Nothing => Ok(true),
                Unsolicited::Close => {
                    self.dialect.set_one_request(true);
                    Ok(true)
                }
                Unsolicited::Bytes(found) => {
                    // Some servers send an error for each line that they did not expect.
                    let error = IndexError::Unsolicited { index: self.index.clone(), found };
                    log::warn!("{}; the connection is replaced", error_chain(&error));
                    self.dialect.refuse_extensions();
                    Ok(false)
                }
            },
            // The index is full, and has closed the connection.
            (Err(_), [(_, (Refusal::ServiceUnavailable, reason))]) => {
                let (index, reason) = (self.index.clone(), reason.clone());
                Err(IndexError::Refused { index, refusal: Refusal::ServiceUnavailable, reason })
            }
            (Err(error @ (IndexError::Lost { .. } | IndexError::Silent { .. })), _)
                if !is_added =>
            {
                Err(error)
            }
            (Err(IndexError::Lost { .. }), _) if self.dialect.suspect_one_request() => Ok(false),
            (Err(error @ IndexError::Refused { .. }), _) => Err(error),
            (Err(error), _) => {
                log::debug!("no extension is known: {}", error_chain(&error));
                self.dialect.doubt_extensions();
                Ok(false)
            }
        }
    }
}
