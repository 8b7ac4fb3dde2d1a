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
/// Documents that were neither have no entry.
pub(in crate::cli) struct Earlier(HashMap<Document, EarlierContent>);

impl Earlier {
    /// Reads the files and the journal before the downloads begin. A file whose current digest is unknown is
    /// hashed, because it may have been edited since its download. With each document it is said whether it
    /// may have a file: a download that replaces nothing was planned because there is none.
    pub(in crate::cli) fn read<'a>(
        context: &Context,
        library: &SharedLibrary,
        documents: impl Iterator<Item = (&'a Document, bool)>,
    ) -> Self {
        let downloaded = context.journal.fetched();
        let on_disk = |document: &Document| match library.current_digest(document) {
            Some(digest) => Ok(Some(digest)),
            None => digest_on_disk(context, document).map_err(drop)?.map_err(drop),
        };
        let content = |(document, has_file): (&'a Document, bool)| {
            let content = match has_file.then(|| on_disk(document)) {
                Some(Ok(Some(digest))) => EarlierContent::Known(digest),
                Some(Err(())) => EarlierContent::Unknown,
                Some(Ok(None)) | None => EarlierContent::Known(*downloaded.get(document)?),
            };
            Some((document.clone(), content))
        };
        Self(documents.filter_map(content).collect())
    }

    /// Whether a downloaded document is new or changed; `None` if that is unknown.
    pub(in crate::cli) fn change(&self, document: &Document, downloaded: Digest) -> Option<Change> {
        match self.0.get(document) {
            None => Some(Change::New),
            Some(EarlierContent::Known(earlier)) if *earlier == downloaded => {
                Some(Change::Unchanged)
            }
            Some(EarlierContent::Known(_)) => Some(Change::Changed),
            Some(EarlierContent::Unknown) => None,
        }
    }
}

/// The content of a document before a download.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum EarlierContent {
    Known(Digest),
    /// The file was here, but cannot be read.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_compared_with_the_earlier_content() {
        let [old, new] = [Digest::new([1; 32]), Digest::new([2; 32])];
        let document = Document::Rfc("1".parse().unwrap());
        for (earlier, change) in [
            (None, Some(Change::New)),
            (Some(EarlierContent::Known(old)), Some(Change::Changed)),
            (Some(EarlierContent::Known(new)), Some(Change::Unchanged)),
            (Some(EarlierContent::Unknown), None),
        ] {
            let all = earlier.map(|content| (document.clone(), content));
            assert_eq!(Earlier(all.into_iter().collect()).change(&document, new), change);
        }
    }
}
