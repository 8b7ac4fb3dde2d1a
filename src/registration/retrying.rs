//! Retrying documents that the index had no room for, or did not answer (protocol.md section 8.4).

use std::time::{Duration, Instant};

use super::event::Event;
use super::handle::Registration;
use super::shared::Shared;
use crate::discovery::IndexError;
use crate::net::Cancel;
use crate::protocol::Refusal;

impl Registration {
    /// The time until the next retry of documents that the index had no room for.
    pub(super) fn retry_in(&self) -> Option<Duration> {
        self.shared().lock_ledger().waiting().retry_in(Instant::now())
    }

    /// Retries the documents that the index had no room for, until it has no room again.
    ///
    /// # Errors
    /// As [`Registration::update`].
    pub(super) fn retry(&self, cancel: &Cancel) -> Result<(), IndexError> {
        self.shared().retry(cancel)
    }
}

impl Shared {
    /// Retries documents.
    pub(super) fn retry(&self, cancel: &Cancel) -> Result<(), IndexError> {
        let mut registered = 0;
        // Until everything is registered, it is not known which requests may be sent to the index.
        let outcome = self.link(cancel).and_then(|_| match self.dialect.shows_extensions() {
            true => self.retry_together(&mut registered, cancel),
            false => self.retry_singly(&mut registered, cancel),
        });
        let now = Instant::now();
        match registered {
            0 => self.lock_ledger().waiting().back_off(now),
            _ => {
                self.lock_ledger().waiting().start_over(now);
                (self.report)(Event::RegisteredLater(registered));
            }
        }
        outcome
    }

    fn retry_together(&self, registered: &mut usize, cancel: &Cancel) -> Result<(), IndexError> {
        // One request shows whether there is room.
        let mut together = 1;
        loop {
            let some = self.lock_ledger().waiting().some(together);
            if some.is_empty() {
                return Ok(());
            }
            *registered += self.update(&some, cancel)?.registered;
            if self.lock_ledger().waiting().count_of(&some) > 0 {
                return Ok(());
            }
            together = self.together();
        }
    }

    /// Retries one document after the other, for an index that has shown no extension.
    pub(super) fn retry_singly(
        &self,
        registered: &mut usize,
        cancel: &Cancel,
    ) -> Result<(), IndexError> {
        loop {
            let Some(document) = self.lock_ledger().waiting().some(1).pop() else { return Ok(()) };
            match self.add_once(&document, cancel)? {
                Some(None) => *registered += 1,
                Some(Some(Refusal::ServiceUnavailable)) => return Ok(()),
                // It is settled.
                Some(Some(_)) | None => {}
            }
        }
    }
}
