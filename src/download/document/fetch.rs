//! Downloads one document (protocol.md sections 5.1 to 5.6).

use super::download::Download;
use crate::download::downloader::Downloader;
use crate::download::exchange::Pipeline;
use crate::download::model::{CompletedDownload, DownloadError, DownloadProgress, DownloadRequest};
use crate::library::PartialFile;

impl Downloader {
    /// Downloads a document. Holders that have delivered documents before are asked first, and one
    /// holder of each network before a second one. The next holder is asked when one fails or does
    /// not answer within a second. A large document is downloaded from several holders in parallel.
    /// An interrupted download of the same document is resumed.
    ///
    /// # Errors
    /// When no holder delivers the document, the file cannot be written, or the download is
    /// cancelled. Received bytes of a document with a known digest are kept.
    pub fn download(
        &self,
        request: &DownloadRequest,
        partial: &mut PartialFile,
        watch: &mut dyn FnMut(DownloadProgress<'_>),
    ) -> Result<CompletedDownload, DownloadError> {
        self.download_one(&mut Pipeline::default(), request, partial, watch)
    }

    /// Downloads one of many documents, over the connections of a pipeline.
    pub(in crate::download) fn download_one(
        &self,
        pipeline: &mut Pipeline,
        request: &DownloadRequest,
        partial: &mut PartialFile,
        watch: &mut dyn FnMut(DownloadProgress<'_>),
    ) -> Result<CompletedDownload, DownloadError> {
        let mut download = Download::new(self, request, pipeline, partial, watch);
        let outcome = download.run();
        let (document, is_cancelled) = (request.document.clone(), self.cancel().is_cancelled());
        match outcome {
            // A connection that was shut down here ends like a document without a length.
            Ok(Some(fetched)) if is_cancelled && !fetched.length_checked => {
                Err(DownloadError::Cancelled(document))
            }
            Ok(Some(fetched)) => Ok(fetched),
            _ if is_cancelled => Err(DownloadError::Cancelled(document)),
            Ok(None) if download.is_in_use => Err(DownloadError::InUse(document)),
            Ok(None) => Err(match download.into_failures() {
                failures if failures.is_empty() => DownloadError::NoHolders(document),
                failures => DownloadError::AllFailed { document, failures, kept: None },
            }),
            Err(source) => Err(DownloadError::File { document, source }),
        }
    }
}
