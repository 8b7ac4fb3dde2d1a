//! The data of downloads (protocol.md section 5).
//!
//! | file | subject |
//! |---|---|
//! | `source` | a document to download, and its holders |
//! | `get_form` | the forms of a GET that other programs understand |
//! | `progress` | reports of a download, and its result |
//! | `transfer_error` | why a holder did not deliver a document |
//! | `download_error` | why a document was not downloaded |

mod download_error;
mod get_form;
mod progress;
mod source;
mod transfer_error;

pub use download_error::DownloadError;
pub(super) use get_form::GetForm;
pub use progress::{CompletedDownload, DownloadProgress, ExpectedDigest, Received};
pub use source::{DownloadRequest, Source};
pub use transfer_error::TransferError;
