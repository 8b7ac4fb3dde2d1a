//! Finding documents at an index server and downloading them (protocol.md sections 4 and 5).

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::discovery::{
    HolderInfo, IndexConnection, IndexDialect, IndexError, Query, lookup, request_records,
};
use crate::download::{
    CompletedDownload, DownloadError, DownloadProgress, DownloadRequest, Downloader, PeerStats,
    Source,
};
use crate::library::PartialFile;
use crate::limits::Limits;
use crate::net::{AddressPolicy, Bandwidth};
use crate::protocol::{Digest, Document, Endpoint, Limit, Record, ReplyPart, Words};

/// Why a document was not downloaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotDownloaded {
    /// The index server did not name its holders.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// No holder delivered it.
    #[error(transparent)]
    Holders(#[from] DownloadError),
    /// The file cannot be written.
    #[error("cannot write the file")]
    File(#[from] io::Error),
}

/// A peer that finds documents at one index server and downloads them. It shares nothing; see
/// [`Sharing`](super::Sharing).
///
/// It connects to the index server with the first request, and keeps the connection.
#[derive(Debug)]
pub struct Peer {
    index: IndexConnection,
    downloads: Downloader,
}

impl Peer {
    /// A peer of this index server.
    pub fn new(server: Endpoint) -> Self {
        Self::with_limits(server, &Limits::default())
    }

    /// A peer of this index server, with these limits of requests and downloads.
    pub fn with_limits(server: Endpoint, limits: &Limits) -> Self {
        let dialect = IndexDialect::with_limits(limits.index_client);
        let index = IndexConnection::new(server, None, None, Arc::new(dialect));
        let (stats, policy) = (PeerStats::default(), AddressPolicy::default());
        let downloads = Downloader::new(stats, Bandwidth::default(), policy, limits.downloads);
        Self { index, downloads }
    }

    /// The holders of a document, at most 10,000; none if no peer has it.
    ///
    /// ```
    /// use p2p_ci::peer::Peer;
    /// use p2p_ci::protocol::Document;
    /// use p2p_ci::server::{Config, Server};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Server::bind(&Config { listen: vec!["127.0.0.1:0".parse()?], ..Config::default() })?;
    /// # let index = server.addresses()?[0];
    /// # let stop = server.stop();
    /// # let running = std::thread::spawn(move || server.run());
    /// let peer = Peer::new(index.to_string().parse()?);
    /// for holder in peer.find(&Document::Rfc("793".parse()?))? {
    ///     println!("{}", holder.record);
    /// }
    /// # drop(peer);
    /// # stop.stop();
    /// # running.join().expect("the server ends");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the index server cannot be reached, refuses the request, or violates the protocol.
    pub fn find(&self, document: &Document) -> Result<Vec<HolderInfo>, IndexError> {
        Ok(lookup(&self.index, document, None)?.found)
    }

    /// The records whose titles contain words that begin with these words, documents with many holders
    /// first (protocol.md section 4.10).
    ///
    /// # Errors
    /// As [`Peer::find`]; also when the index server does not know SEARCH.
    pub fn search(&self, words: &Words, limit: Limit) -> Result<Vec<Record>, IndexError> {
        let mut records = Vec::new();
        let query = Query::Search { words, limit: Some(limit) };
        // The records of an incomplete list are useful, too.
        let _ = request_records(&self.index, query, &mut |part| {
            if let ReplyPart::Record(record) = part {
                records.push(record);
            }
            ControlFlow::Continue(())
        })?;
        Ok(records)
    }

    /// Downloads a document to the file `target`, which must not exist. Holders that fail are replaced
    /// by others. `digest` is the digest that the document must have; without one, it is compared
    /// with the digest that its holder announces. `progress` is called with the bytes that are here,
    /// and the length if it is known.
    ///
    /// The file appears when it is complete. What an interrupted download leaves is resumed by the next
    /// one.
    ///
    /// ```no_run
    /// use std::path::Path;
    ///
    /// use p2p_ci::peer::Peer;
    /// use p2p_ci::protocol::Document;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let peer = Peer::new("localhost:7734".parse()?);
    /// let document = Document::Rfc("793".parse()?);
    /// let completed = peer.download(&document, Path::new("rfc793.txt"), None, |here, length| {
    ///     println!("{here} of {length:?} bytes");
    /// })?;
    /// println!("{} from {:?}", completed.digest, completed.holders);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the index server names no holder, no holder delivers it, or the file cannot be written.
    pub fn download(
        &self,
        document: &Document,
        target: &Path,
        digest: Option<Digest>,
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> Result<CompletedDownload, NotDownloaded> {
        let sources = self.find(document)?.into_iter().map(Source::from).collect();
        let request = DownloadRequest { document: document.clone(), sources, digest };
        let mut file = PartialFile::begin(target)?;
        let completed = self.downloads.download(&request, &mut file, &mut |event| {
            if let DownloadProgress::Bytes(here, length) = event {
                progress(here, length);
            }
        })?;
        file.commit(false)?;
        Ok(completed)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn an_index_that_does_not_answer_is_waited_for_as_long_as_the_limits_say() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let index = listener.local_addr().unwrap().to_string().parse().unwrap();
        let time = Duration::from_millis(50);
        let mut limits = Limits::default();
        (limits.index_client.reply, limits.index_client.probe_reply) = (time, time);
        let begun = Instant::now();
        let error = Peer::with_limits(index, &limits).find(&Document::Rfc("1".parse().unwrap()));
        assert!(matches!(error, Err(IndexError::Silent { .. })), "{error:?}");
        assert!((time..time * 100).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
}
