//! The title of a file that was shared without one (protocol.md section 2.5).

use std::io::{self, Read};
use std::path::Path;

use super::first_page::{FIRST_PAGE, from_first_page};
use super::rfc_index::Official;
use crate::library::{name, packed};
use crate::protocol::{Document, Title};
use crate::system;

/// The title of a file: the title from `rfc-index.txt`, the title on the first page, or the file name.
/// The file is always opened, so that an unreadable file is not shared.
pub(in crate::library) fn title_of(
    document: &Document,
    directory: &Path,
    name: &str,
    official: &Official,
) -> io::Result<Title> {
    let (file, _) = system::open_regular(directory, name)?;
    let known = match document {
        Document::Rfc(number) => official.title(*number).or_else(|| {
            let most = FIRST_PAGE as u64;
            let mut page = Vec::new();
            // A read error only shortens the page: the title may still be found.
            let _ = match name::is_packed(name) {
                true => packed::beginning(file, most).read_to_end(&mut page),
                false => file.take(most).read_to_end(&mut page),
            };
            from_first_page(*number, &page)
        }),
        Document::File(_) => None,
    };
    Ok(known.unwrap_or_else(|| Title::folded(name)))
}
