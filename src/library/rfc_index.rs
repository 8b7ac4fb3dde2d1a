//! Titles from `rfc-index.txt`, the list that the RFC Editor and its mirrors carry.
//!
//! An entry is `0123 Title. Authors. Month Year. (Format: …) …`, broken into indented lines and
//! ended by an empty one. Titles hold full stops too, so the end of one is found from behind: what
//! follows it is a list of authors.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::file_state::FileState;
use super::folder::Found;
use super::packed;
use crate::escape::escaped;
use crate::protocol::{RfcNumber, Title};
use crate::{limits, system};

/// The list's name in a folder; it may be packed.
const NAMES: [&str; 2] = ["rfc-index.txt", "rfc-index.txt.gz"];

/// The titles of a list that lies in a shared folder.
#[derive(Debug, Default)]
pub(super) struct Official {
    titles: HashMap<RfcNumber, Title>,
    state: Option<FileState>,
}

impl Official {
    pub(super) fn title(&self, number: RfcNumber) -> Option<Title> {
        self.titles.get(&number).cloned()
    }

    /// Reads the list that is among the files of a folder; `None` if it is as it was `before`.
    pub(super) fn of_folder(folder: &Path, files: &[Found], before: &Self) -> Option<Arc<Self>> {
        let find = |name| files.iter().find(|file| &*file.name == name);
        let file = NAMES.into_iter().find_map(find);
        let state = file.map(|file| file.state);
        if state == before.state {
            return None;
        }
        let titles = file.map(|file| read(folder, &file.name)).transpose();
        let titles = titles.unwrap_or_else(|error| {
            log::warn!(
                "no titles from `{}`: {error}",
                escaped(folder.as_os_str().as_encoded_bytes())
            );
            None
        });
        Some(Arc::new(Self { titles: titles.unwrap_or_default(), state }))
    }
}

fn read(folder: &Path, name: &str) -> io::Result<HashMap<RfcNumber, Title>> {
    let (file, _) = system::open_regular(folder, name)?;
    let mut text = Vec::new();
    match packed::unpacked_name(name) {
        Some(_) => packed::beginning(file, limits::UNPACKED).read_to_end(&mut text)?,
        None => file.take(limits::UNPACKED).read_to_end(&mut text)?,
    };
    Ok(titles(&String::from_utf8_lossy(&text)))
}

/// The titles of all entries that can be read; the others are left out.
fn titles(index: &str) -> HashMap<RfcNumber, Title> {
    let index = index.replace('\r', "");
    index.split("\n\n").filter_map(|entry| title(entry.trim_matches('\n'))).collect()
}

fn title(entry: &str) -> Option<(RfcNumber, Title)> {
    let (number, _) = entry.split_once(' ')?;
    let number = number.trim_start_matches('0').parse().ok()?;
    let text = super::title::join_lines(entry.lines());
    let (_, text) = text.split_once(' ')?;
    let citation = text.split(" (Format:").next()?.trim_end_matches([' ', '.']);
    let (before_date, _date) = citation.rsplit_once(". ")?;
    let title = without_authors(before_date);
    Some((number, Title::folded(title)))
}

/// Cuts at the first full stop behind which there are only people; if there is none, the author
/// is an organization, and the cut is at the first full stop that no initial ends with.
fn without_authors(text: &str) -> &str {
    let ends = || text.match_indices(". ").map(|(at, _)| at);
    let people = ends().find(|&at| is_people(&text[at + 2..]));
    let sentence = || ends().find(|&at| ends_sentence(&text[..at], &text[at + 2..]));
    people.or_else(sentence).map_or(text, |end| &text[..end])
}

/// Whether each name of a list begins with initials or is a suffix: `J. Postel, R. Braden, Ed.`.
fn is_people(text: &str) -> bool {
    text.split(", ").all(|name| {
        let name = name.trim_end_matches('.');
        let has_initial = name.split_once('.').is_some_and(|(initial, rest)| {
            initial.chars().count() <= 3
                && initial.starts_with(char::is_uppercase)
                && !rest.starts_with(|c: char| c.is_ascii_digit())
        });
        has_initial || matches!(name, "Ed" | "Eds" | "Jr" | "Sr" | "II" | "III")
    })
}

/// Whether a full stop between these ends a sentence, and not the initials of somebody.
fn ends_sentence(before: &str, after: &str) -> bool {
    let last_word = before.rsplit(' ').next().unwrap_or(before);
    let is_initials = last_word
        .split(['.', '-'])
        .all(|part| part.chars().count() <= 1 && part.chars().all(char::is_uppercase));
    !is_initials && !after.starts_with(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_all_shapes() {
        let index = "\
                              RFC INDEX\n\n\
            0001 Host Software. S. Crocker. April 1969. (Format: TXT, HTML) (Status:\n     \
                 UNKNOWN) (DOI: 10.17487/RFC0001) \n\n\n\
            0014 Not Issued.\n\n\
            1818 Best Current Practices. J. Postel, T. Li, Y. Rekhter. August 1995.\n     \
                 (Format: TXT)\n\n\
            2026 The Internet Standards Process -- Revision 3. S. Bradner. October\n     \
                 1996. (Format: TXT)\n\n\
            0303 ARPA Network mailing lists. Network Information Center. Stanford\n     \
                 Research Institute. March 1972. (Format: TXT)\n\n\
            3160 The Tao vs. the World. Part 2. R. T. Doe, III. August 2001. (Format: TXT)\n\n\
            0804 CCITT draft recommendation T.4. International Telegraph and Telephone\n     \
                 Consultative Committee. January 1981. (Format: TXT)\n\n\
            4629 RTP Payload Format for ITU-T Rec. H.263 Video. H. Ott, C. Bormann, G.\n     \
                 Sullivan, S. Wenger, R. Even, Ed.. January 2007. (Format: TXT)\n\n\
            9000 QUIC: A UDP-Based Multiplexed and Secure Transport. J. Iyengar, Ed.,\n     \
                 M. Thomson, Ed.. May 2021. (Format: HTML)\n";
        let titles = titles(index);
        let title = |number: &str| titles.get(&number.parse().unwrap()).map(Title::as_str);
        assert_eq!(title("1"), Some("Host Software"));
        assert_eq!(title("14"), None);
        assert_eq!(title("303"), Some("ARPA Network mailing lists"));
        assert_eq!(title("804"), Some("CCITT draft recommendation T.4"));
        assert_eq!(title("4629"), Some("RTP Payload Format for ITU-T Rec. H.263 Video"));
        assert_eq!(title("1818"), Some("Best Current Practices"));
        assert_eq!(title("2026"), Some("The Internet Standards Process -- Revision 3"));
        assert_eq!(title("3160"), Some("The Tao vs. the World. Part 2"));
        assert_eq!(title("9000"), Some("QUIC: A UDP-Based Multiplexed and Secure Transport"));
    }
}
