//! The document to download, and its holders (protocol.md section 5).

use std::collections::HashSet;
use std::net::IpAddr;

use crate::discovery::HolderInfo;
use crate::net::Provenance;
use crate::protocol::{Content, Digest, Document, Endpoint, Title};

/// A document to download.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DownloadRequest {
    /// The document.
    pub document: Document,
    /// The peers that may have it.
    pub sources: Vec<Source>,
    /// The digest that it must have. Without one, the digest that a holder announces is compared.
    pub digest: Option<Digest>,
}

/// A peer that may have a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The upload server.
    pub holder: Endpoint,
    /// The content that the index announces for the holder: a hint, which any peer can forge.
    pub content: Content,
    /// The title that the holder's record gives to the document.
    pub title: Option<Title>,
    /// Where the holder was learned from. It decides which addresses are connected to.
    pub provenance: Provenance,
    /// The only address to connect to, if the index has verified one for the holder's host.
    pub verified_address: Option<IpAddr>,
    /// Whether the user has chosen it: it is asked before others, however fast they are.
    pub is_chosen: bool,
}

impl Source {
    /// Whether both are the same upload server with the same permitted addresses, so that they can
    /// share a connection.
    pub(in crate::download) fn shares_connections_with(&self, other: &Self) -> bool {
        self.holder == other.holder
            && self.provenance == other.provenance
            && self.verified_address == other.verified_address
    }

    /// The first source of each holder.
    pub fn distinct(sources: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut seen = HashSet::new();
        let is_first = |source: &Self| seen.insert(source.holder.clone());
        let mut distinct: Vec<Self> = sources.into_iter().filter(is_first).collect();
        // Most documents have one holder, and many documents are queued.
        distinct.shrink_to_fit();
        distinct
    }
}

impl From<Endpoint> for Source {
    fn from(holder: Endpoint) -> Self {
        Self {
            holder,
            content: Content::default(),
            title: None,
            provenance: Provenance::User,
            verified_address: None,
            is_chosen: false,
        }
    }
}

impl From<HolderInfo> for Source {
    fn from(holder: HolderInfo) -> Self {
        let HolderInfo { record, content, learned_from, address, .. } = holder;
        Self {
            holder: record.holder,
            content,
            title: Some(record.title).filter(|title| !title.as_str().is_empty()),
            provenance: learned_from,
            verified_address: address,
            is_chosen: false,
        }
    }
}

impl DownloadRequest {
    /// Whether the user has specified the version: by a digest, or by naming all holders. Then the
    /// part file is kept when the download is given up. Otherwise any peer may have announced the
    /// digest, and the part file is deleted.
    pub fn is_trusted(&self) -> bool {
        self.digest.is_some()
            || self.sources.iter().all(|source| source.provenance == Provenance::User)
    }

    /// The title in the record of the first of these holders that has one.
    pub fn title_of(&self, holders: &[Endpoint]) -> Option<&Title> {
        holders.iter().find_map(|holder| {
            let source = self.sources.iter().find(|source| source.holder == *holder)?;
            source.title.as_ref().filter(|title| !title.as_str().is_empty())
        })
    }
}
