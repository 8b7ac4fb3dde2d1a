//! Whether a downloaded document is new here, has changed since the last download, or is the same.

use std::collections::HashMap;

use super::on_disk::digest_on_disk;
use crate::cli::context::Context;
use crate::library::SharedLibrary;
use crate::protocol::{Digest, Document};

/// How a download compares with what was here before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Change {
    /// The document was neither here nor downloaded before.
    New,
    /// The holder has other bytes than those that were here, or were downloaded last.
    Changed,
    /// The bytes are the same.
    Unchanged,
}

impl Change {
    /// The word for people and programs.
    pub(in crate::cli) fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// The content that was here, or had been downloaded, before a command downloads documents.
pub(in crate::cli) struct Earlier(HashMap<Document, EarlierContent>);

impl Earlier {
    /// Reads the files and the journal before the downloads begin. A file whose current digest is unknown is
    /// hashed, because it may have been edited since its download.
    pub(in crate::cli) fn read<'a>(
        context: &Context,
        library: &SharedLibrary,
        documents: impl Iterator<Item = &'a Document>,
    ) -> Self {
        let downloaded = context.journal.fetched();
        let content = |document: &Document| {
            if let Some(digest) = library.current_digest(document) {
                return EarlierContent::Known(digest);
            }
            match digest_on_disk(context, document) {
                Ok(Ok(Some(digest))) => EarlierContent::Known(digest),
                Ok(Ok(None)) => {
                    let earlier = downloaded.get(document).copied();
                    earlier.map_or(EarlierContent::Nothing, EarlierContent::Known)
                }
                Ok(Err(_)) | Err(_) => EarlierContent::Unknown,
            }
        };
        Self(documents.map(|document| (document.clone(), content(document))).collect())
    }

    /// Whether a downloaded document is new or changed; `None` if that is unknown.
    pub(in crate::cli) fn change(&self, document: &Document, downloaded: Digest) -> Option<Change> {
        self.0.get(document)?.change(downloaded)
    }
}

/// The content of a document before a download.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum EarlierContent {
    Nothing,
    Known(Digest),
    /// The file was here, but cannot be read.
    Unknown,
}

impl EarlierContent {
    fn change(self, downloaded: Digest) -> Option<Change> {
        match self {
            Self::Nothing => Some(Change::New),
            Self::Known(earlier) if earlier == downloaded => Some(Change::Unchanged),
            Self::Known(_) => Some(Change::Changed),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_compared_with_the_earlier_content() {
        let [old, new] = [Digest::new([1; 32]), Digest::new([2; 32])];
        for (earlier, change) in [
            (EarlierContent::Nothing, Some(Change::New)),
            (EarlierContent::Known(old), Some(Change::Changed)),
            (EarlierContent::Known(new), Some(Change::Unchanged)),
            (EarlierContent::Unknown, None),
        ] {
            assert_eq!(earlier.change(new), change, "{earlier:?}");
        }
    }
}
