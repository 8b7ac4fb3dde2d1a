//! A whole download: holders are asked in parallel, a few at a time, until one has delivered the
//! document; a large one comes from several (protocol.md sections 5.1 to 5.6).

use super::download::Download;
use crate::download::downloader::Downloader;
use crate::download::exchange::Pipeline;
use crate::download::model::{CompletedDownload, DownloadError, DownloadProgress, DownloadRequest};
use crate::library::PartialFile;

impl Downloader {
    /// Fetches a document: holders that have delivered before are asked first, one of each network
    /// before a second; the next one is asked when one fails or does not answer within a second.
    /// A large document comes from several. What earlier downloads of the same document have left
    /// is resumed.
    ///
    /// # Errors
    /// When no holder gives it, the file cannot be written, or the download is cancelled. What has
    /// come of a document whose digest is known is kept.
    pub fn download(
        &self,
        request: &DownloadRequest,
        incoming: &mut PartialFile,
        watch: &mut dyn FnMut(DownloadProgress<'_>),
    ) -> Result<CompletedDownload, DownloadError> {
        self.download_one(&mut Pipeline::default(), request, incoming, watch)
    }

    /// The same as one of many documents.
    pub(in crate::download) fn download_one(
        &self,
        pipeline: &mut Pipeline,
        request: &DownloadRequest,
        incoming: &mut PartialFile,
        watch: &mut dyn FnMut(DownloadProgress<'_>),
    ) -> Result<CompletedDownload, DownloadError> {
        let mut download = Download::new(self, request, pipeline, incoming, watch);
        let outcome = download.run();
        let document = request.document.clone();
        match outcome {
            Ok(Some(fetched)) => Ok(fetched),
            _ if self.cancel().is_cancelled() => Err(DownloadError::Cancelled(document)),
            Ok(None) => Err(match download.into_failures() {
                failures if failures.is_empty() => DownloadError::NoHolders(document),
                failures => DownloadError::AllFailed { document, failures, kept: None },
            }),
            Err(source) => Err(DownloadError::File { document, source }),
        }
    }
}
