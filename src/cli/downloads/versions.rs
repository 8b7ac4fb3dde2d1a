//! Different versions of a document, as its holders announce them.

use crate::escape::escaped;
use crate::peer::Source;
use crate::protocol::{Digest, Document};

/// Warns if holders announce different content.
pub(in crate::cli) fn warn_of_versions(document: &Document, sources: &[Source]) {
    let mut announced = sources.iter().filter_map(|source| source.content.digest);
    // The usual case, for which no text is made.
    if announced.next().is_none_or(|first| announced.all(|other| other == first)) {
        return;
    }
    let mut versions: Vec<(Digest, Vec<String>)> = Vec::new();
    for source in sources {
        let Some(digest) = source.content.digest else { continue };
        let holder = escaped(&source.holder.to_string()).to_string();
        match versions.iter_mut().find(|(other, _)| *other == digest) {
            Some((_, holders)) => holders.push(holder),
            None => versions.push((digest, vec![holder])),
        }
    }
    let versions: Vec<String> = versions
        .into_iter()
        .map(|(digest, holders)| format!("{digest} at {}", holders.join(", ")))
        .collect();
    // One line, so that a limit on lines never separates them.
    log::warn!("the holders of {document} have different versions of it: {}", versions.join("; "));
}
