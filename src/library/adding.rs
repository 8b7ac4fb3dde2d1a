//! Sharing single files: files that the user names, and downloaded documents.
//!
//! Files are read before the library is locked.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::catalog::SharedLibrary;
use super::directory::{self, Depth};
use super::entry::Entry;
use super::name::{document_of, file_name_of};
use super::saved::Saved;
use super::scan_state::log_skipped;
use super::titles::{Official, title_of};
use crate::protocol::{Digest, Document, Title};

impl SharedLibrary {
    /// Shares a file where it is. Without a `title`, its title is found as in a scan.
    ///
    /// # Errors
    /// When it is no regular file that can be read, or its name contains characters that the protocol
    /// does not allow.
    pub fn add_file(&self, path: &Path, title: Option<Title>) -> io::Result<Document> {
        let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text.to_string());
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| invalid("expected a file with a name in UTF-8"))?;
        let document = document_of(name).ok_or_else(|| {
            invalid("expected a name that is not hidden and has no control characters")
        })?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize()?,
            _ => Path::new(".").canonicalize()?,
        };
        let (ours, official) = self.directory_and_official();
        let is_ours = ours.canonicalize().is_ok_and(|ours| ours == directory);
        let directory = if is_ours { ours } else { directory.into() };
        // This opens the file even if a title is given, so that an unreadable file is not shared.
        let own_title = title_of(&document, &directory, name, &official)?;
        let entry = added_entry(directory, name, title.unwrap_or(own_title))?;
        self.write().insert(document.clone(), entry);
        Ok(document)
    }

    /// Shares a document that was saved at its [target](super::Library::target_for). If a `title` is
    /// given, the file is not read again. The digest is cached if the file is still the saved one.
    ///
    /// # Errors
    /// When the file does not exist.
    pub fn add_saved(
        &self,
        document: &Document,
        title: Option<Title>,
        saved: Saved,
        digest: Digest,
    ) -> io::Result<()> {
        let name = file_name_of(document).map_err(io::Error::other)?;
        let (directory, official) = self.directory_and_official();
        let title = match title {
            Some(title) => title,
            None => title_of(document, &directory, &name, &official)?,
        };
        let entry = added_entry(directory, &name, title)?;
        let now = SystemTime::now();
        // With coarse times, the file may have changed without a change of its state.
        let is_known =
            saved.is(&entry.state) && !(entry.state.is_racy(now) && entry.state.is_coarse());
        let length = entry.state.document_length().filter(|_| is_known);
        if let Some(length) = length {
            self.read().digests().insert(entry.state, digest, length);
        }
        self.write().insert(document.clone(), entry);
        Ok(())
    }

    /// Shares documents in subdirectories that were downloaded before and still exist, if
    /// subdirectories are not shared as a whole. Returns the number of documents.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn add_downloaded(&self, documents: impl Iterator<Item = Document>) -> io::Result<usize> {
        let (shared, official) = self.directory_and_official();
        let names: HashMap<String, Document> = documents
            .filter_map(|document| Some((file_name_of(&document).ok()?, document)))
            .filter(|(name, _)| name.contains('/') && shared.join(name).exists())
            .collect();
        if self.read().depth() == Depth::Tree || names.is_empty() {
            return Ok(0);
        }
        // As in a scan, files that `.p2pciignore` excludes are skipped, and links are not followed.
        let (found, _) = directory::files(&shared, Depth::Tree, &[])?;
        let mut count = 0;
        for found in found {
            let Some(document) = names.get(&*found.name) else { continue };
            let entry = title_of(document, &shared, &found.name, &official)
                .and_then(|title| added_entry(Arc::clone(&shared), &found.name, title));
            match entry {
                Ok(entry) => {
                    self.write().insert(document.clone(), entry);
                    count += 1;
                }
                Err(error) => log_skipped(found.name.as_bytes(), &error.to_string()),
            }
        }
        Ok(count)
    }

    fn directory_and_official(&self) -> (Arc<Path>, Arc<Official>) {
        let library = self.read();
        (Arc::clone(&library.directory), Arc::clone(&library.official))
    }
}

/// The entry of a file that the user or a download has added.
fn added_entry(directory: Arc<Path>, name: &str, title: Title) -> io::Result<Entry> {
    let state = directory::state(Path::new(name), &directory.join(name).symlink_metadata()?);
    Ok(Entry { title, state, directory, name: name.into(), is_added: true })
}
