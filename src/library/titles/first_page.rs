//! The title of an RFC from its own first page (protocol.md section 2.5).
//!
//! RFCs have used many layouts since 1969. All have a heading of one or two columns (authors, number,
//! date), then the title, then the text. The heading is skipped paragraph by paragraph, and the first
//! paragraph after it is the title. For pages on which this fails, `rfc-index.txt` has the title.

use std::borrow::Cow;

use memchr::memchr3;

use crate::protocol::{RfcNumber, Title};

/// Bytes of a document that are read: enough for a heading with ten authors.
pub(super) const FIRST_PAGE: usize = 8 * 1024;

/// The title on a first page; `None` if none is found.
pub(super) fn from_first_page(number: RfcNumber, page: &[u8]) -> Option<Title> {
    let text = plain_text(page);
    let mut paragraphs = Paragraphs { lines: text.lines() };
    // A text without a heading is no RFC, even if the file has the name of one.
    paragraphs.clone().find(|paragraph| is_heading(&paragraph.lines))?;
    loop {
        let paragraph = paragraphs.next()?;
        if !is_heading(&paragraph.lines)
            && let Some(title) = title_of(&title_lines(&paragraph, paragraphs.clone()))
        {
            return Some(Title::folded(without_article(number, &title)));
        }
    }
}

/// The lines of the first paragraph, and of the following paragraphs that continue it: centred lines
/// with one empty line between them.
fn title_lines<'a>(first: &Paragraph<'a>, following: Paragraphs<'a>) -> Vec<&'a str> {
    const MOST: usize = 4;
    let mut lines = first.lines.clone();
    let is_lone = |paragraph: &Paragraph<'_>| match paragraph.lines[..] {
        [line] => is_centred(line) && !ends_title(line.trim()),
        _ => false,
    };
    if is_lone(first) {
        let more = following.take_while(|next| next.gap == 1 && is_lone(next));
        lines.extend(more.take(MOST - 1).filter_map(|paragraph| paragraph.lines.first().copied()));
    }
    lines
}

/// Removes the leading article, which the official titles of early RFCs do not have.
fn without_article(number: RfcNumber, title: &str) -> &str {
    const LAST_WITHOUT: u32 = 1200;
    let article = ["The ", "A ", "An "].iter().find_map(|article| title.strip_prefix(article));
    article.filter(|_| number.value() <= LAST_WITHOUT).unwrap_or(title)
}

/// Joins the lines of one sentence. A hyphen at the end of a line joins two words.
pub(super) fn join_lines<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
        let hyphenated =
            joined.ends_with('-') && !joined.ends_with(" -") && !joined.ends_with("--");
        let attached = hyphenated || joined.ends_with('/') || line.starts_with("--");
        if !joined.is_empty() && !attached {
            joined.push(' ');
        }
        joined.push_str(line);
    }
    joined
}

/// Decodes UTF-8 with or without byte order mark, or else Latin-1. Of overstruck characters the last one
/// is kept.
fn plain_text(page: &[u8]) -> String {
    let page = page.strip_prefix(b"\xef\xbb\xbf").unwrap_or(page);
    let decoded = match std::str::from_utf8(page) {
        Ok(text) => Cow::Borrowed(text),
        // The page may end within a character.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(page.get(..error.valid_up_to()).unwrap_or_default())
        }
        Err(_) => page.iter().map(|&byte| char::from(byte)).collect(),
    };
    // For speed, the text between these characters is copied as a whole.
    let mut text = String::with_capacity(decoded.len());
    let mut rest = &*decoded;
    while let Some(at) = memchr3(b'\x08', b'\x0c', b'\r', rest.as_bytes()) {
        let (before, from_here) = rest.split_at(at);
        text.push_str(before);
        let mut characters = from_here.chars();
        match characters.next() {
            Some('\x08') => drop(text.pop()),
            Some('\x0c') => text.push_str("\n\n"),
            _ => {}
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
    text
}

struct Paragraph<'a> {
    lines: Vec<&'a str>,
    /// The number of empty lines before it.
    gap: usize,
}

/// The paragraphs of a page. Mostly only the first few are read.
#[derive(Clone)]
struct Paragraphs<'a> {
    lines: std::str::Lines<'a>,
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Paragraph<'a>;

    fn next(&mut self) -> Option<Paragraph<'a>> {
        let mut lines = self.lines.by_ref().map(str::trim_end);
        // The empty line that ended the previous paragraph.
        let mut gap = 1;
        let first = loop {
            match lines.next()? {
                "" => gap += 1,
                line => break line,
            }
        };
        let more = lines.take_while(|line| !line.is_empty());
        Some(Paragraph { lines: [first].into_iter().chain(more).collect(), gap })
    }
}

/// Whether all lines of a paragraph belong to the heading.
fn is_heading(lines: &[&str]) -> bool {
    lines.first().is_some_and(|line| starts_heading(line.trim()))
        || lines.iter().any(|line| is_request_for_comments(line.trim()))
        || lines.iter().all(|line| is_heading_line(line))
}

/// The beginnings of first lines of headings.
fn starts_heading(line: &str) -> bool {
    let folded = line.to_ascii_lowercase();
    [
        "network working group",
        "internet engineering task force",
        "internet engineering steering group",
        "internet architecture board",
        "internet research task force",
        "independent submission",
        "internet draft",
        "nwg/rfc",
        "rfc editor",
    ]
    .iter()
    .any(|start| {
        // A title may begin with these words as well. In a heading they are alone, or in a column.
        folded.strip_prefix(start).is_some_and(|rest| {
            rest.is_empty() || ["  ", " (", ":", "\t"].iter().any(|next| rest.starts_with(next))
        })
    }) || is_request_for_comments(line)
}

/// Whether this is `Request for Comments: 793`, or one of its misspellings.
fn is_request_for_comments(line: &str) -> bool {
    const LABEL: &str = "request for comments";
    let label = line.split_at_checked(LABEL.len());
    label.filter(|(label, _)| label.eq_ignore_ascii_case(LABEL)).is_some_and(|(_, rest)| {
        rest.trim_start().starts_with(|c: char| matches!(c, ':' | '#' | '0'..='9'))
    })
}

fn is_heading_line(line: &str) -> bool {
    if is_right_column(line) {
        return true;
    }
    let line = line.trim();
    starts_heading(line)
        || is_number(line)
        || is_date(line)
        || is_ornament(line)
        || is_columns(line)
}

/// Whether this is a number such as `RFC 793`, `RFC: 793`, `RFC #440`, `NIC 13772`, `IEN: 129` or
/// `Updates: 381`.
fn is_number(line: &str) -> bool {
    let folded = line.to_ascii_lowercase();
    let label = [
        "rfc",
        "nic",
        "ien",
        "updates",
        "obsoletes",
        "references",
        "category",
        "std",
        "bcp",
        "fyi",
        "issn",
        "replaces",
        "supersedes",
        "related",
        "see also",
        "categories",
    ]
    .iter()
    .find_map(|label| folded.strip_prefix(label));
    label.is_some_and(|rest| {
        let letters = rest.chars().filter(char::is_ascii_alphabetic).count();
        rest.chars().any(|c| c.is_ascii_digit()) && letters <= 12
    })
}

/// Whether a line consists of numbers and names of months.
fn is_date(line: &str) -> bool {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let words = || {
        line.split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
    };
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let is_month = |word: &str| MONTHS.iter().any(|month| word.starts_with(month));
    words().count() >= 2
        && words().any(|word| is_number(&word))
        && words().all(|word| is_number(&word) || is_month(&word))
}

/// Whether a line has no letters and digits, such as an underline or a rule.
fn is_ornament(line: &str) -> bool {
    !line.chars().any(char::is_alphanumeric)
}

/// Whether a line begins after the middle of 72 columns, so that it is no centred title.
fn is_right_column(line: &str) -> bool {
    line.len() - line.trim_start().len() >= 40
}

/// Whether a line has two columns: text on the left, a wide gap, text on the right.
fn is_columns(line: &str) -> bool {
    line.contains("        ")
}

fn is_centred(line: &str) -> bool {
    line.len() - line.trim_start().len() >= 12
}

fn title_of(lines: &[&str]) -> Option<String> {
    let lines = lines.iter().map(|line| line.trim()).filter(|line| !is_ornament(line));
    let lines: Vec<&str> = lines.take_while(|line| !ends_title(line)).collect();
    let text = join_lines(lines.into_iter());
    let text = strip_label(&text);
    (!text.is_empty()).then(|| text.into())
}

/// Whether a line follows a title without an empty line, and does not belong to it.
fn ends_title(line: &str) -> bool {
    let folded = line.to_ascii_lowercase();
    let starts = ["by ", "author:", "status of this", "prepared "];
    matches!(&*folded, "by" | "abstract")
        || starts.iter().any(|start| folded.starts_with(start))
        || is_number(line)
        || is_date(line)
}

fn strip_label(text: &str) -> &str {
    let label = text.split_at_checked("title:".len());
    let label = label.filter(|(label, _)| label.eq_ignore_ascii_case("title:"));
    label.map_or(text, |(_, rest)| rest).trim()
}
