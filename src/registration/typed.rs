//! ADD and REMOVE that a user has typed (protocol.md section 8.5).

use std::io;

use super::handle::Registration;
use super::ledger::{Change, Standing};
use super::one_request::{Take, encode_query};
use super::shared::Shared;
use crate::discovery::{Completeness, IndexError, Query};
use crate::net::Cancel;
use crate::protocol::{Document, Endpoint, Record, Refusal, ReplyPart, Status, Title, VERSION};

/// An ADD that a user has typed, and what cancels it.
#[derive(Clone, Copy)]
struct TypedAdd<'a> {
    document: &'a Document,
    title: &'a Title,
    cancel: &'a Cancel,
}

impl<'a> TypedAdd<'a> {
    fn query(self) -> Query<'a> {
        Query::Add { document: self.document, title: self.title }
    }
}

impl Registration {
    /// Sends a request on the connection on which everything is registered, and hands the parts of
    /// the reply to `take`: for ADD and REMOVE, since records belong to that connection. An index
    /// that has shown no extension is sent neither a REMOVE nor a second ADD of a document: then
    /// the outcome is handed to `take` in the same form.
    ///
    /// # Errors
    /// When there is no reply, `take` fails, or `cancel` is cancelled. The index may have read a
    /// cancelled request.
    pub fn ask(
        &self,
        query: Query<'_>,
        cancel: &Cancel,
        take: &mut Take<'_>,
    ) -> Result<Completeness, IndexError> {
        // Until everything is registered, it is not known which requests may be sent to the index.
        let shared = self.registered(cancel)?;
        let shows_extensions = shared.dialect.shows_extensions();
        match query {
            Query::Remove(document) if !shows_extensions => {
                shared.remove_without_extensions(document, cancel, take)?;
            }
            Query::Add { document, title } if shared.dialect.answers_one_request() => {
                shared.add_typed_alone(TypedAdd { document, title, cancel }, take)?;
            }
            _ => shared.request_as_typed(query, cancel, take)?,
        }
        Ok(Completeness::Complete)
    }
}

impl Shared {
    fn request_as_typed(
        &self,
        query: Query<'_>,
        cancel: &Cancel,
        take: &mut Take<'_>,
    ) -> Result<(), IndexError> {
        let encode = |own: &Endpoint, out: &mut Vec<u8>| {
            let Some(announcement) = encode_query(query, own, out) else { return Vec::new() };
            let shows_extensions = self.dialect.shows_extensions();
            let is_sent =
                shows_extensions || self.lock_ledger().must_send(&announcement, shows_extensions);
            if is_sent { vec![announcement] } else { Vec::new() }
        };
        let mut taken = Ok(());
        // The reply is read to its end even if `take` fails, or its rest would be taken for the next
        // reply.
        let outcomes = self.request_together(cancel, &encode, &mut |part, bytes| {
            if taken.is_ok() {
                taken = take(part, bytes);
            }
        })?;
        taken.map_err(IndexError::Taker)?;
        match query {
            Query::Add { document, title } if outcomes.is_empty() => {
                self.repeat_outcome(TypedAdd { document, title, cancel }, take)
            }
            _ => Ok(()),
        }
    }

    fn add_typed_alone(&self, add: TypedAdd<'_>, take: &mut Take<'_>) -> Result<(), IndexError> {
        let TypedAdd { cancel, .. } = add;
        let _turn = self.turn.take(cancel).ok_or_else(|| self.cancelled())?;
        let query = add.query();
        let announcement = self.announcement_of(query).ok_or_else(|| self.cancelled())?;
        if !self.lock_ledger().must_send(&announcement, false) {
            return self.repeat_outcome(add, take);
        }
        self.add_alone(query, announcement, cancel, take).map(drop)
    }

    /// The outcome of an earlier ADD of a document, in the form of a reply.
    fn repeat_outcome(&self, add: TypedAdd<'_>, take: &mut Take<'_>) -> Result<(), IndexError> {
        let TypedAdd { document, cancel, .. } = add;
        let announcement = self.announcement_of(add.query());
        let change = announcement.map(|announcement| announcement.change);
        let standing = self.lock_ledger().standing(document);
        match standing {
            Some(Standing::Refused(refusal)) => {
                log::warn!("the index has refused {document} before, and is not sent it again");
                return take_refusal(refusal, take).map_err(IndexError::Taker);
            }
            Some(Standing::Accepted(request)) if change == Some(Change::Add(request)) => {
                log::warn!("{document} is registered, and is not sent to the index again");
            }
            Some(Standing::Accepted(_)) | None => {
                log::warn!(
                    "{document} is registered as it was added first: the index has not shown that \
                     it takes a second ADD"
                );
            }
        }
        let record = self.accepted_record(document, cancel)?;
        take_record(record, take).map_err(IndexError::Taker)
    }

    /// The record of a document that the index has accepted on the present connection, if any.
    fn accepted_record(
        &self,
        document: &Document,
        cancel: &Cancel,
    ) -> Result<Option<Record>, IndexError> {
        let holder = self.link(cancel)?.own.clone();
        let title = self.lock_ledger().accepted_title(document);
        Ok(title.map(|title| Record { document: document.clone(), title, holder }))
    }

    /// A record ends with its connection at an index that may not know REMOVE.
    fn remove_without_extensions(
        &self,
        document: &Document,
        cancel: &Cancel,
        take: &mut Take<'_>,
    ) -> Result<(), IndexError> {
        let standing = self.lock_ledger().standing(document);
        self.lock_ledger().settle(document);
        match standing {
            Some(Standing::Accepted(_)) if self.dialect.answers_one_request() => {
                log::warn!(
                    "the index still lists {document}: it has not shown that it knows REMOVE, and \
                     keeps records without a connection"
                );
                let record = self.accepted_record(document, cancel)?;
                take_record(record, take).map_err(IndexError::Taker)
            }
            Some(Standing::Accepted(_)) => {
                log::warn!(
                    "the index has not shown that it knows REMOVE: this peer connects again \
                     without {document}"
                );
                let record = self.accepted_record(document, cancel)?;
                self.rejoin(cancel)?;
                drop(self.link(cancel)?);
                take_record(record, take).map_err(IndexError::Taker)
            }
            Some(Standing::Refused(_)) | None => {
                take_refusal(Refusal::NotFound, take).map_err(IndexError::Taker)
            }
        }
    }
}

fn take_refusal(refusal: Refusal, take: &mut Take<'_>) -> io::Result<()> {
    let status = Status::from(refusal);
    take(ReplyPart::Refused(refusal), format!("{VERSION} {status}\r\n").as_bytes())?;
    take(ReplyPart::End, b"")
}

/// The reply to the ADD or REMOVE of this record; nothing if the index has lost it meanwhile.
fn take_record(record: Option<Record>, take: &mut Take<'_>) -> io::Result<()> {
    let Some(record) = record else { return Ok(()) };
    let line = format!("{record}\r\n");
    take(ReplyPart::Found, b"")?;
    take(ReplyPart::Record(record), line.as_bytes())?;
    take(ReplyPart::End, b"")
}
