//! Completes a document whose bytes were received (protocol.md sections 5.3 to 5.5).

use std::io::{self, Write};
use std::mem;

use super::body::Body;
use super::reshaping::{Change, digest_of};
use crate::counted::counted;
use crate::download::model::TransferError;
use crate::escape::excerpt;
use crate::library::Hasher;
use crate::protocol::role::{DocumentEnd, DocumentMeaning};
use crate::protocol::{BEGINNING, Date, Digest, DocumentBounds, Surplus};
use crate::system::{self, PageAligned};

/// A document that was received.
#[derive(Clone, Debug)]
pub(in crate::download) struct Transferred {
    pub(in crate::download) length: u64,
    /// Whether the holder announced the length.
    pub(in crate::download) length_checked: bool,
    pub(in crate::download) last_modified: Option<Date>,
    /// The digest of the bytes.
    pub(in crate::download) digest: Digest,
    /// Whether it was compared with an expected digest.
    pub(in crate::download) digest_checked: bool,
    /// What the holder sent in place of exactly the announced bytes, and what was stored.
    pub(in crate::download) deviation: Option<String>,
}

/// What is known when the last byte of a document was received.
pub(super) struct Ending<'a> {
    pub(super) end: Option<&'a DocumentMeaning>,
    pub(super) bounds: &'a DocumentBounds,
    /// The bytes after the document.
    pub(super) surplus: &'a [u8],
    /// The digest that the document must have.
    pub(super) required: Option<Digest>,
    /// Whether only a reply is accepted that follows the grammar.
    pub(super) is_strict: bool,
}

impl Body<'_> {
    /// Verifies length and digest, and completes the file.
    pub(super) fn finish(&mut self, ending: &Ending<'_>) -> Result<Transferred, TransferError> {
        if ending.is_strict {
            self.check_grammar(ending)?;
        }
        let mut found = mem::take(&mut self.hasher).finish();
        let expected = ending.required.or(self.head.digest);
        let deviation = match self.with_digest(found, ending).map_err(TransferError::File)? {
            Some(document) => {
                // Nothing but line ends after the right bytes: they are not reported.
                let is_right = ending.required == Some(found) && !ending.surplus.is_empty();
                let is_plain = is_right && ending.surplus.trim_ascii().is_empty();
                let description = self.describe(document.len() as u64, ending);
                found = self.store(&document).map_err(TransferError::File)?;
                (!is_plain).then(|| format!("{description}; these have the expected digest"))
            }
            None => {
                let (change, deviation) = self.read_by_length(ending)?;
                if change != Change::default() {
                    found = self.change(&change).map_err(TransferError::File)?;
                }
                deviation
            }
        };
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(TransferError::WrongDigest { expected, found });
        }
        if self.is_held_back {
            self.write_whole().map_err(TransferError::File)?;
        }
        Ok(Transferred {
            length: self.received,
            length_checked: self.expected.is_some(),
            last_modified: self.head.last_modified,
            digest: found,
            digest_checked: expected.is_some(),
            deviation,
        })
    }

    /// Returns an error if the reply does not follow the grammar.
    fn check_grammar(&self, ending: &Ending<'_>) -> Result<(), TransferError> {
        let strict = |expected: &str, found: String| {
            let expected = format!("{expected} (`--strict`)");
            Err(TransferError::Extent { expected, found })
        };
        if let Some(found) = ending.bounds.deviation() {
            return strict("a head that ends with an empty line", found.into());
        }
        let Some(length) = self.expected else {
            return strict("a document with Content-Length", "none".into());
        };
        let expected = counted(length, "byte");
        match ending.end {
            Some(DocumentMeaning::End(DocumentEnd::WithoutFirst(_))) => {
                strict("an empty line after the head", "none".into())
            }
            Some(DocumentMeaning::End(DocumentEnd::CountsHead(_))) => {
                strict(&expected, format!("the end after {}", self.received))
            }
            _ if !ending.surplus.is_empty() => {
                strict(&expected, format!("more: {}", excerpt(ending.surplus)))
            }
            _ => Ok(()),
        }
    }

    /// What must be changed so that the bytes are the document, and what is reported to the user. The
    /// numbers of bytes decide.
    fn read_by_length(
        &self,
        ending: &Ending<'_>,
    ) -> Result<(Change, Option<String>), TransferError> {
        let (bounds, surplus, found) = (ending.bounds, ending.surplus, self.received);
        let unclear = |mark: usize, beginning: &[u8], why: &str| {
            let mark = excerpt(beginning.get(..mark).unwrap_or_default());
            let expected = "a document whose beginning is known".into();
            Err(TransferError::Extent { expected, found: format!("{mark} before it, and {why}") })
        };
        match ending.end {
            Some(DocumentMeaning::End(DocumentEnd::Complete)) if surplus.is_empty() => {
                Ok((Change::default(), None))
            }
            Some(DocumentMeaning::End(DocumentEnd::Complete)) => {
                let beginning = self.beginning().map_err(TransferError::File)?;
                match bounds.surplus(&beginning, surplus) {
                    Surplus::Ignored => {
                        // Many upload servers end a document with a line end of their own. After a NUL, with
                        // which no text begins, it may be the end of the document.
                        let is_worth_it = !surplus.trim_ascii().is_empty()
                            || (bounds.may_deviate() && beginning.starts_with(&[0]));
                        let description = is_worth_it.then(|| self.describe(found, ending));
                        Ok((Change::default(), description))
                    }
                    Surplus::Unclear(mark) => unclear(mark, &beginning, "padding after it"),
                    Surplus::Shifted(mark) => {
                        let description = self.describe_mark(mark, &beginning, found, ending);
                        // Padding may be longer than the document.
                        let dropped = mark.min(usize::try_from(found).unwrap_or(usize::MAX));
                        let back = surplus.get(mark - dropped..mark).unwrap_or_default().to_vec();
                        let change = Change { dropped, back, ..Change::default() };
                        Ok((change, Some(description)))
                    }
                }
            }
            Some(DocumentMeaning::End(DocumentEnd::Close)) => {
                let beginning = self.beginning().map_err(TransferError::File)?;
                let why = "no Content-Length";
                if let Some(&mark) = bounds.marks(&beginning).first() {
                    return unclear(mark, &beginning, why);
                }
                match bounds.padding_without_length(&beginning) {
                    Surplus::Shifted(dropped) => {
                        let stored = found.saturating_sub(dropped as u64);
                        let description = self.describe_mark(dropped, &beginning, stored, ending);
                        Ok((Change { dropped, ..Change::default() }, Some(description)))
                    }
                    Surplus::Unclear(mark) => unclear(mark, &beginning, why),
                    Surplus::Ignored => {
                        let description = bounds.probable_padding(&beginning).map(|count| {
                            let blanks = counted(count as u64, "blank");
                            format!("sent {blanks} before the text, which may be padding: stored")
                        });
                        Ok((Change::default(), description))
                    }
                }
            }
            Some(DocumentMeaning::End(DocumentEnd::WithoutFirst(lines))) => {
                Ok((Change { front: lines.clone(), ..Change::default() }, None))
            }
            Some(DocumentMeaning::End(DocumentEnd::CountsHead(_))) => {
                Ok((Change::default(), Some(self.describe(found, ending))))
            }
            Some(_) => {
                Err(TransferError::Truncated { expected: self.expected.unwrap_or(found), found })
            }
            None => Err(TransferError::TooLarge(self.unannounced)),
        }
    }

    /// What the holder has sent, and what is stored.
    fn describe(&self, stored: u64, ending: &Ending<'_>) -> String {
        let numbers = self.numbers(stored, ending);
        match ending.end {
            Some(DocumentMeaning::End(DocumentEnd::CountsHead(_))) => {
                format!("sent a Content-Length that includes the head: {numbers}")
            }
            _ if !ending.surplus.is_empty() => {
                let surplus = excerpt(ending.surplus.trim_ascii());
                format!("sent more than Content-Length says: {surplus} is ignored; {numbers}")
            }
            _ => format!("sent other bytes than Content-Length says: {numbers}"),
        }
    }

    /// The same, if the document begins after this number of bytes.
    fn describe_mark(
        &self,
        mark: usize,
        beginning: &[u8],
        stored: u64,
        ending: &Ending<'_>,
    ) -> String {
        let mark = excerpt(beginning.get(..mark).unwrap_or(beginning));
        let numbers = self.numbers(stored, ending);
        format!("sent {mark} before the document, which is no part of it: {numbers}")
    }

    fn numbers(&self, stored: u64, ending: &Ending<'_>) -> String {
        let unknown = || "an unknown number of bytes".into();
        let expected = self.expected.map_or_else(unknown, |all| counted(all, "byte"));
        let found = self.received.saturating_add(ending.surplus.len() as u64);
        format!("expected {expected}, found {found}, stored {stored}")
    }

    /// Changes the bytes that are here. Returns the digest of the document.
    fn change(&mut self, change: &Change) -> io::Result<Digest> {
        if self.is_held_back {
            let document = change.apply(self.buffer.get(..self.place()).unwrap_or_default());
            return self.store(&document);
        }
        let mut hasher = Hasher::default();
        change.apply_to(self.partial.file(), &mut hasher)?;
        let more = change.front.len().saturating_add(change.back.len()) as u64;
        self.received = self.received.saturating_add(more).saturating_sub(change.dropped as u64);
        Ok(hasher.finish())
    }

    /// Replaces the bytes that are here. Returns their digest.
    fn store(&mut self, document: &[u8]) -> io::Result<Digest> {
        self.received = document.len() as u64;
        if self.is_held_back {
            self.buffer = PageAligned::new(document.len());
            self.buffer.copy_from_slice(document);
        } else {
            system::write_at(self.partial.file(), document, 0)?;
            self.partial.file().set_len(self.received)?;
        }
        Ok(digest_of(document))
    }

    fn write_whole(&mut self) -> io::Result<()> {
        self.partial.use_temporary()?;
        self.partial.restart(&mut Hasher::default())?;
        let document = self.buffer.get(..self.place()).unwrap_or_default();
        self.partial.file().write_all(document)
    }

    /// The first bytes that are here.
    pub(super) fn beginning(&self) -> io::Result<Vec<u8>> {
        self.bytes(BEGINNING)
    }

    /// The bytes that are here, at most this number of them.
    pub(super) fn bytes(&self, most: usize) -> io::Result<Vec<u8>> {
        let count = usize::try_from(self.received).unwrap_or(usize::MAX).min(most);
        if self.is_held_back {
            return Ok(self.buffer.get(..count).unwrap_or_default().to_vec());
        }
        let mut bytes = vec![0; count];
        let mut read = 0;
        while let Some(room) = bytes.get_mut(read..).filter(|room| !room.is_empty()) {
            match system::read_at(self.partial.file(), room, read as u64) {
                Ok(0) => break,
                Ok(some) => read += some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }
}
