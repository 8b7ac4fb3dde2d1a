//! The document of a file, and the file name under which a document is saved (protocol.md sections 2.3
//! and 2.4).
//!
//! Only this file turns a name from the wire into a path. The path is safe to join to a directory: no
//! segment of a [`FileName`] is `..`, and the file name of an RFC is derived from its number.

use super::folded_name::{folded, is_hidden, other_forms};
use super::packed::unpacked_name;
use crate::protocol::{Document, FileName, RfcNumber};

/// The document of a file with this path below the shared directory: an RFC for `rfc793.txt`,
/// `RFC793.TXT`, `rfc0793.txt`, `rfc793-tcp.txt`, and `.gz` of each, in any subdirectory; otherwise a
/// file. `None` if a segment is hidden, or has characters that the protocol does not allow.
pub fn document_of(path: &str) -> Option<Document> {
    if path.split('/').any(|segment| segment.starts_with('.')) {
        return None;
    }
    match rfc_number(last_segment(path)) {
        Some(number) => Some(Document::Rfc(number)),
        None => FileName::from_decoded(path).ok().map(Document::File),
    }
}

/// Whether the document of a file with this name is its unpacked content.
pub fn is_packed(path: &str) -> bool {
    unpacked_name(path).is_some() && rfc_number(last_segment(path)).is_some()
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Why a downloaded document is not saved in a shared directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotSaved {
    /// Its name, or the first directory of its path, has a special meaning in a shared directory.
    #[error("its name has a special meaning in a shared directory")]
    Special,
    /// A file of its name would be shared as another document, or not at all.
    #[error("a file of its name is not shared under that name")]
    OtherName,
    /// The system cannot represent the name.
    #[error("this system has no files of its name")]
    Unrepresentable,
}

/// The path below a shared directory under which a document is saved.
///
/// # Errors
/// When the name has a local meaning, or the file would be shared as another document.
pub fn file_name_of(document: &Document) -> Result<String, NotSaved> {
    name_for(document, Platform::HERE)
}

/// The rules of a system for file names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Platform {
    #[cfg_attr(windows, allow(dead_code, reason = "the other platform is tested everywhere"))]
    Unix,
    #[cfg_attr(not(windows), allow(dead_code, reason = "it is tested everywhere"))]
    Windows,
}

impl Platform {
    const HERE: Self = if cfg!(windows) { Self::Windows } else { Self::Unix };
}

fn name_for(document: &Document, platform: Platform) -> Result<String, NotSaved> {
    let name = match document {
        Document::Rfc(number) => return Ok(format!("rfc{number}.txt")),
        Document::File(name) => name.as_str(),
    };
    if name.split('/').next().is_some_and(is_special) {
        return Err(NotSaved::Special);
    }
    // On some file systems, other spellings also lead to the file of an RFC or to a hidden file.
    let is_rfc = rfc_number(&folded(last_segment(name))).is_some();
    if is_rfc || document_of(name).as_ref() != Some(document) || name.split('/').any(is_hidden) {
        return Err(NotSaved::OtherName);
    }
    if platform == Platform::Windows && !name.split('/').all(is_windows_name) {
        return Err(NotSaved::Unrepresentable);
    }
    Ok(name.into())
}

/// Whether the first segment of a path has a special meaning in a shared directory: an RFC, the list of
/// titles, the directory of handed-over documents, or the patterns of files that are not shared. On
/// file systems that ignore case or normalization, other spellings lead to these files as well.
fn is_special(segment: &str) -> bool {
    let folded = folded(segment);
    rfc_number(&folded).is_some()
        || matches!(&*folded, "rfc-index.txt" | "rfc-index.txt.gz" | "handed-over" | ".p2pciignore")
}

/// Whether Windows can store a file under exactly this name.
fn is_windows_name(segment: &str) -> bool {
    let reserved = |character: char| matches!(character, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    let stem = segment.split('.').next().unwrap_or(segment).trim_end().to_ascii_uppercase();
    let numbered = |device: &str| {
        let number = stem.strip_prefix(device);
        number.is_some_and(|n| {
            matches!(n, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
        })
    };
    let is_device = matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM")
        || numbered("LPT");
    !is_device
        && !segment.contains(reserved)
        && !segment.ends_with(['.', ' '])
        && !is_short_name(segment)
        // NTFS counts UTF-16 units.
        && segment.encode_utf16().count() <= 255
}

/// Whether this may be the short name (8.3) of another file, such as `RFC-IN~1.TXT`.
fn is_short_name(segment: &str) -> bool {
    let (stem, extension) = segment.split_once('.').unwrap_or((segment, ""));
    let number = stem.rsplit_once('~').map_or("", |(_, number)| number);
    stem.chars().count() <= 8
        && extension.chars().count() <= 3
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The documents that the user may mean by a name, in the order in which they are tried; see
/// [`candidate_groups`].
pub fn candidates(document: &Document) -> Vec<Document> {
    candidate_groups(document).concat()
}

/// The documents that the user may mean by a name, in groups. The first group has the name as it was
/// typed, and its NFC and NFD forms. If the name is percent-encoded, as lists print it, the second group
/// has the same forms of the decoded name. The last group has the RFC of a name such as `rfc793`. A
/// typed name has the normalization form of the keyboard, a shared name has the form of the file
/// system, and the protocol compares bytes.
pub fn candidate_groups(document: &Document) -> Vec<Vec<Document>> {
    let Document::File(name) = document else { return vec![vec![document.clone()]] };
    let group = |name: &FileName| {
        let forms = other_forms(name.as_str());
        let others = forms.iter().filter_map(|form| FileName::from_decoded(form).ok());
        std::iter::once(name.clone()).chain(others).map(Document::File).collect()
    };
    let mut groups = vec![group(name)];
    let decoded = name.as_str().parse::<FileName>().ok().filter(|decoded| decoded != name);
    groups.extend(decoded.iter().map(group));
    let number = rfc_number(&format!("{name}.txt")).filter(|_| !name.as_str().contains('-'));
    groups.extend(number.map(|number| vec![Document::Rfc(number)]));
    groups
}

fn rfc_number(file_name: &str) -> Option<RfcNumber> {
    let lower = unpacked_name(file_name).unwrap_or(file_name).to_ascii_lowercase();
    let stem = lower.strip_prefix("rfc")?.strip_suffix(".txt")?;
    let number = stem.split_once('-').map_or(stem, |(number, _)| number);
    number.trim_start_matches('0').parse().ok()
}

#[cfg(test)]
mod tests;
