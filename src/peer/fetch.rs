//! A whole download: holder after holder, until one has given the document.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use super::transfer::{TransferError, transfer};
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

/// Fetches a document from the first holder that gives it whole. The file is emptied before each
/// attempt.
///
/// # Errors
/// When no holder gives it, or the file cannot be written.
pub fn fetch(
    document: &Document,
    holders: &[Endpoint],
    file: &mut File,
    watch: &mut dyn FnMut(Attempt<'_>),
) -> Result<Fetched, FetchError> {
    let cannot_write = |source| FetchError::File { document: document.clone(), source };
    let mut failures = Vec::new();
    for holder in holders {
        watch(Attempt::Asking(holder));
        let mut attempt = |want_digest| {
            file.set_len(0).map_err(TransferError::File)?;
            file.seek(SeekFrom::Start(0)).map_err(TransferError::File)?;
            let mut progress = |done, all| watch(Attempt::Progress(done, all));
            transfer(document, holder, want_digest, file, &mut progress)
        };
        let outcome = match attempt(true) {
            // A strict neighbour is asked once more without the extension.
            Err(TransferError::Refused(Status::Refused(Refusal::BadRequest)))
            | Err(TransferError::Protocol(_)) => attempt(false),
            outcome => outcome,
        };
        match outcome {
            Ok(transferred) => {
                return Ok(Fetched {
                    holder: holder.clone(),
                    length: transferred.length,
                    length_checked: transferred.length_checked,
                    last_modified: transferred.last_modified,
                    digest: transferred.digest,
                });
            }
            Err(TransferError::File(source)) => return Err(cannot_write(source)),
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
