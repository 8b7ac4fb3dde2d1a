//! Titles from `rfc-index.txt`, the list of the RFC Editor (protocol.md section 2.5).
//!
//! An entry is `0123 Title. Authors. Month Year. (Format: …) …`, in indented lines, followed by an empty
//! line. A title may contain full stops. So the end of the title is searched from the end of the entry:
//! a list of authors follows it.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use memchr::memchr;

use crate::escape::escaped_path;
use crate::library::directory::Found;
use crate::library::file_state::FileState;
use crate::library::packed;
use crate::protocol::{RfcNumber, Title};
use crate::{limits, system};

/// The titles of a list in a shared directory.
#[derive(Debug, Default)]
pub(in crate::library) struct Official {
    titles: HashMap<RfcNumber, Title>,
    state: Option<FileState>,
}

impl Official {
    /// The file names of the list. It may be packed.
    pub(in crate::library) const NAMES: [&str; 2] = ["rfc-index.txt", "rfc-index.txt.gz"];

    pub(in crate::library) fn title(&self, number: RfcNumber) -> Option<Title> {
        self.titles.get(&number).cloned()
    }

    /// Reads the list that is among the files of the shared directories, of several the first one; `None` if
    /// it has not changed since `before`.
    pub(in crate::library) fn of_files(files: &[Found], before: &Self) -> Option<Arc<Self>> {
        let find = |name| files.iter().find(|file| &*file.name == name);
        let file = Self::NAMES.into_iter().find_map(find);
        let state = file.map(|file| file.state);
        if state == before.state {
            return None;
        }
        let titles = file.map(|file| read(&file.directory, &file.name)).transpose();
        let titles = titles.unwrap_or_else(|error| {
            log::warn!(
                "no titles from `{}`: {error}",
                file.map(|file| escaped_path(&file.directory).to_string()).unwrap_or_default()
            );
            None
        });
        Some(Arc::new(Self { titles: titles.unwrap_or_default(), state }))
    }
}

fn read(directory: &Path, name: &str) -> io::Result<HashMap<RfcNumber, Title>> {
    let (file, _) = system::open_regular(directory, name)?;
    let most = limits::OFFICIAL_LIST;
    match packed::unpacked_name(name) {
        Some(_) => {
            let packed = file.take(limits::OFFICIAL_LIST_PACKED);
            titles(&mut BufReader::with_capacity(64 * 1024, packed::beginning(packed, most)))
        }
        None => titles(&mut BufReader::with_capacity(64 * 1024, file.take(most))),
    }
}

/// The titles of all entries. Malformed entries are skipped, and so are entries that are longer than all
/// entries of the RFC Editor.
fn titles(index: &mut dyn BufRead) -> io::Result<HashMap<RfcNumber, Title>> {
    let mut titles = HashMap::new();
    let mut entry = Entry::default();
    loop {
        let bytes = index.fill_buf()?;
        // Empty lines between entries, of which there can be millions.
        let empty = match entry.is_empty() {
            true => bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count(),
            false => 0,
        };
        if empty > 0 {
            index.consume(empty);
            continue;
        }
        let (count, is_line_end) = match memchr(b'\n', bytes) {
            Some(at) => (at, true),
            None => (bytes.len(), false),
        };
        let is_end = bytes.is_empty();
        entry.add(bytes.get(..count).unwrap_or_default());
        index.consume(count + usize::from(is_line_end));
        if (is_end || (is_line_end && entry.ends_line()))
            && let Some((number, title)) = entry.end()
            && (titles.len() < limits::OFFICIAL_TITLES || titles.contains_key(&number))
        {
            titles.insert(number, title);
        }
        if is_end {
            return Ok(titles);
        }
    }
}

/// The lines of the entry that is being read.
#[derive(Debug, Default)]
struct Entry {
    bytes: Vec<u8>,
    line_starts_at: usize,
    is_too_long: bool,
}

impl Entry {
    fn add(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > limits::OFFICIAL_ENTRY {
            // The rest of the entry is skipped. One byte stays, so that an empty line is still noticed.
            self.is_too_long = true;
            self.bytes.clear();
            self.bytes.push(b'x');
            self.line_starts_at = 0;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Ends a line; returns whether it was empty, which ends the entry.
    fn ends_line(&mut self) -> bool {
        if self.bytes.last() == Some(&b'\r') {
            self.bytes.pop();
        }
        let is_empty = self.bytes.len() <= self.line_starts_at;
        self.add(b"\n");
        self.line_starts_at = self.bytes.len();
        is_empty
    }

    /// Whether nothing of it was read.
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.is_too_long
    }

    /// Returns the number and the title of the entry, unless it was too long, and begins the next one.
    fn end(&mut self) -> Option<(RfcNumber, Title)> {
        let is_entry = !self.is_too_long && self.bytes.first().is_some_and(u8::is_ascii_digit);
        let found = if is_entry { title(&String::from_utf8_lossy(&self.bytes)) } else { None };
        self.bytes.clear();
        (self.line_starts_at, self.is_too_long) = (0, false);
        found
    }
}

fn title(entry: &str) -> Option<(RfcNumber, Title)> {
    let (number, _) = entry.trim_matches('\n').split_once(' ')?;
    let number = number.trim_start_matches('0').parse().ok()?;
    let text = super::first_page::join_lines(entry.lines());
    let (_, text) = text.split_once(' ')?;
    let citation = text.split(" (Format:").next()?.trim_end_matches([' ', '.']);
    let (before_date, _date) = citation.rsplit_once(". ")?;
    let title = without_authors(before_date);
    Some((number, Title::folded(title)))
}

/// Cuts the text at the first full stop after which only people follow. If there is none, the author is
/// an organization, and the text is cut at the first full stop that does not end an initial.
fn without_authors(text: &str) -> &str {
    let ends = || text.match_indices(". ").map(|(at, _)| at);
    let people = people_begin(text);
    let sentence = || {
        ends().find(|&at| match (text.get(..at), text.get(at + 2..)) {
            (Some(before), Some(after)) => ends_sentence(before, after),
            _ => false,
        })
    };
    people.or_else(sentence).and_then(|end| text.get(..end)).unwrap_or(text)
}

/// The first full stop after which only people follow. Each part of the text is examined once, from the
/// end: the list of people can only begin in the part before the last one that is a person.
fn people_begin(text: &str) -> Option<usize> {
    let mut first = None;
    let mut end = text.len();
    loop {
        let part_at = text.get(..end)?.rfind(", ").map_or(0, |at| at + 2);
        let part = text.get(part_at..end)?;
        let last = part.trim_end_matches('.');
        let in_part = part
            .match_indices(". ")
            .find(|(at, _)| is_person(last.get(at + 2..).unwrap_or_default()));
        first = in_part.map(|(at, _)| part_at + at).or(first);
        if part_at == 0 || !is_person(last) {
            return first;
        }
        end = part_at - 2;
    }
}

/// Whether this is a name with initials, such as `J. Postel`, or the suffix of a name, such as `Ed`.
fn is_person(name: &str) -> bool {
    const INITIAL: usize = 3;
    let has_initial = name.split_once('.').is_some_and(|(initial, rest)| {
        initial.chars().take(INITIAL + 1).count() <= INITIAL
            && initial.starts_with(char::is_uppercase)
            && !rest.starts_with(|c: char| c.is_ascii_digit())
    });
    has_initial || matches!(name, "Ed" | "Eds" | "Jr" | "Sr" | "II" | "III")
}

/// Whether a full stop between these texts ends a sentence, and not an initial.
fn ends_sentence(before: &str, after: &str) -> bool {
    let last_word = before.rsplit(' ').next().unwrap_or(before);
    let is_initials = last_word
        .split(['.', '-'])
        .all(|part| part.chars().count() <= 1 && part.chars().all(char::is_uppercase));
    !is_initials && !after.starts_with(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

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
        let titles = titles(&mut index.as_bytes()).unwrap();
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

    #[test]
    fn line_ends_and_long_entries() {
        let long = format!(
            "0007 {}. J. Postel. May 1980.\n     more\n",
            "x".repeat(limits::OFFICIAL_ENTRY)
        );
        let index =
            format!("0001 One. J. Doe. May 1980.\r\n\r\n{long}\n0002 Two. J. Doe. May 1980.");
        for capacity in [1, 2, 7, 64 * 1024] {
            let titles = titles(&mut BufReader::with_capacity(capacity, index.as_bytes())).unwrap();
            let mut numbers: Vec<_> = titles.keys().map(|number| number.value()).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, [1, 2], "{capacity}");
            let title = |number: &str| titles.get(&number.parse().unwrap()).map(Title::as_str);
            assert_eq!((title("1"), title("2")), (Some("One"), Some("Two")));
        }
    }

    /// Millions of lines that are no entry, of each kind that ends or could begin one.
    #[test]
    fn lines_without_entries_cost_little() {
        const BYTES: usize = 2 * 1024 * 1024;
        // A build without optimization takes several times as long as a release.
        const PATIENCE: Duration = Duration::from_secs(20);
        for unit in ["\n", "\r\n", "x\n\n", "0 \n\n", "1\n\n"] {
            let index =
                format!("{}0007 Seven. J. Doe. May 1980.\n", unit.repeat(BYTES / unit.len()));
            let begun = Instant::now();
            let titles = titles(&mut BufReader::new(index.as_bytes())).unwrap();
            let took = begun.elapsed();
            assert_eq!(titles.len(), 1, "{unit:?}");
            assert!(took < PATIENCE, "{unit:?}: {took:?}");
        }
    }

    /// The most expensive entries. In quadratic time, one of them would take hours.
    #[test]
    fn hostile_entries_take_linear_time() {
        const BYTES: usize = 1024 * 1024;
        const PATIENCE: Duration = Duration::from_secs(60);
        let dots = format!("{}{}", ". ".repeat(BYTES / 4), ".".repeat(BYTES / 2));
        for unit in
            [&*dots, "A. B, ", "a. ", ". ", ", ", "A. ", "Ed., ", "A. b. ", ".", "-. ", "A.-. "]
        {
            let entry = format!("0001 {}", unit.repeat(BYTES / unit.len()));
            let begun = Instant::now();
            let _ = title(&entry);
            let took = begun.elapsed();
            assert!(took < PATIENCE, "{:?}: {took:?}", unit.get(..6));
        }
    }
}
