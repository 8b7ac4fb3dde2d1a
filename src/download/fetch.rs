//! A whole download: holders are asked in parallel, a few at a time, until one has delivered the
//! document; a large one comes from several (protocol.md sections 5.1 to 5.6).

mod download;
mod replies;
mod versions;

use super::conversation::Conversation;
use super::fetch_error::FetchError;
use super::fetched::{Attempt, Fetched};
use super::fetcher::Fetcher;
use super::source::Wanted;
use crate::library::Incoming;
use download::Download;

impl Fetcher {
    /// Fetches a document: holders that have delivered before are asked first, one of each network
    /// before a second; the next one is asked when one fails or does not answer within a second.
    /// A large document comes from several. What earlier downloads of the same document have left
    /// is resumed.
    ///
    /// # Errors
    /// When no holder gives it, the file cannot be written, or the download is cancelled. What has
    /// come of a document whose digest is known is kept.
    pub fn fetch(
        &self,
        wanted: &Wanted,
        incoming: &mut Incoming,
        watch: &mut dyn FnMut(Attempt<'_>),
    ) -> Result<Fetched, FetchError> {
        self.fetch_next(&mut Conversation::default(), wanted, incoming, watch)
    }

    /// The same as one of many documents.
    pub(super) fn fetch_next(
        &self,
        conversation: &mut Conversation,
        wanted: &Wanted,
        incoming: &mut Incoming,
        watch: &mut dyn FnMut(Attempt<'_>),
    ) -> Result<Fetched, FetchError> {
        let mut download = Download::new(self, wanted, conversation, incoming, watch);
        let outcome = download.run();
        let document = wanted.document.clone();
        match outcome {
            Ok(Some(fetched)) => Ok(fetched),
            _ if self.cancel().is_cancelled() => Err(FetchError::Cancelled(document)),
            Ok(None) => Err(match download.into_failures() {
                failures if failures.is_empty() => FetchError::Nobody(document),
                failures => FetchError::All { document, failures, kept: None },
            }),
            Err(source) => Err(FetchError::File { document, source }),
        }
    }
}
