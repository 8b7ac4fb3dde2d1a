//! A whole download: holder after holder, until one has given the document.

use std::io;

use super::transfer::{Ask, TransferError, Transferred, transfer};
use crate::library::Incoming;
use crate::protocol::{Date, Digest, Document, Endpoint, Refusal, Status};

/// What a download is doing, for whoever watches.
#[derive(Debug)]
pub enum Attempt<'a> {
    /// It asks this holder.
    Asking(&'a Endpoint),
    /// So many bytes have come, of so many if that is known.
    Progress(u64, Option<u64>),
    /// This holder did not give it.
    Failed(&'a Endpoint, &'a TransferError),
}

/// A document that was fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetched {
    /// Who gave it.
    pub holder: Endpoint,
    /// Its length in bytes.
    pub length: u64,
    /// Whether the holder had said how long it is; if not, a cut line looks like its end.
    pub length_checked: bool,
    /// When it changed last, if the holder said so.
    pub last_modified: Option<Date>,
    /// Its digest, if the holder had announced one: then the bytes were compared with it.
    pub digest: Option<Digest>,
}

/// Why a document was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There was nobody to ask.
    #[error("nobody has {0}")]
    Nobody(Document),
    /// All were asked; the failures in their order.
    #[error("no holder gave {document} ({} asked)", .failures.len())]
    All {
        /// The document.
        document: Document,
        /// Who failed, and why.
        failures: Vec<(Endpoint, TransferError)>,
    },
    /// The bytes cannot be kept here, whoever gives them.
    #[error("cannot write {document}")]
    File {
        /// The document.
        document: Document,
        /// What the system says.
        source: io::Error,
    },
}

/// Fetches a document from the first holder that gives it whole. It goes on where an earlier
/// download of the same document has ended, if a holder can do that.
///
/// # Errors
/// When no holder gives it, or the file cannot be written. What has come of a document whose
/// digest is known is kept.
pub fn fetch(
    document: &Document,
    holders: &[Endpoint],
    incoming: &mut Incoming,
    watch: &mut dyn FnMut(Attempt<'_>),
) -> Result<Fetched, FetchError> {
    let mut failures = Vec::new();
    for holder in holders {
        watch(Attempt::Asking(holder));
        let mut progress = |done, all| watch(Attempt::Progress(done, all));
        match ask_holder(document, holder, incoming, &mut progress) {
            Ok(transferred) => {
                return Ok(Fetched {
                    holder: holder.clone(),
                    length: transferred.length,
                    length_checked: transferred.length_checked,
                    last_modified: transferred.last_modified,
                    digest: transferred.digest,
                });
            }
            Err(TransferError::File(source)) => {
                return Err(FetchError::File { document: document.clone(), source });
            }
            Err(error) => {
                watch(Attempt::Failed(holder, &error));
                failures.push((holder.clone(), error));
            }
        }
    }
    if failures.is_empty() {
        return Err(FetchError::Nobody(document.clone()));
    }
    Err(FetchError::All { document: document.clone(), failures })
}

/// Asks one holder: for the rest if there is one, and once more in another way if it cannot do
/// that.
fn ask_holder(
    document: &Document,
    holder: &Endpoint,
    incoming: &mut Incoming,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Transferred, TransferError> {
    let was_begun = incoming.kept_length().is_some();
    let mut ask = |ask| {
        let outcome = transfer(document, holder, ask, incoming, progress);
        if let Err(TransferError::WrongDigest { .. }) = outcome {
            incoming.discard().map_err(TransferError::File)?;
        }
        outcome
    };
    match ask(Ask::Rest) {
        // A strict neighbour is asked without extensions.
        Err(TransferError::Refused(Status::Refused(Refusal::BadRequest)))
        | Err(TransferError::Protocol(_)) => ask(Ask::Plain),
        // What was begun is another document, or a longer one.
        Err(TransferError::Refused(Status::Refused(Refusal::RangeNotSatisfiable)))
        | Err(TransferError::OtherPart) => ask(Ask::Whole),
        // The fault may lie in what was here before.
        Err(TransferError::WrongDigest { .. }) if was_begun => ask(Ask::Whole),
        outcome => outcome,
    }
}
